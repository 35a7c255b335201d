//! The endpoint record: arguments of handlers, why they were rejected, and when.

mod rejection;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::{ConnectionInfo, Payload, PeerAddr};
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::http::{Method, Uri};
use actix_web::{Error, FromRequest, HttpRequest, web};
use logfire_rs_core::endpoint::capture::{Carrier, Pairs, Plumbing};
use logfire_rs_core::endpoint::{ArgumentError, Endpoint, EndpointKeys, Extraction, Framework};
use logfire_rs_core::endpoint_keys;
use serde::de::DeserializeOwned;

use self::rejection::Rejected;
use crate::payload::observed;

/// Records the arguments of a handler, why one of them was rejected, and when all of it happened.
///
/// ```
/// use actix_web::{App, get, web};
/// use logfire_rs_actix_web::endpoint;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Hello {
///     name: String,
/// }
///
/// #[get("/hello")]
/// #[endpoint]
/// async fn hello(hello: web::Query<Hello>) -> String {
///     format!("hello {}", hello.name)
/// }
///
/// let app = logfire_rs_actix_web::instrument(App::new().service(hello));
/// ```
///
/// The span of `GET /hello?name=world` then has `actix_web.arguments.values` with
/// `{"hello":{"name":"world"}}`, and that of `GET /hello` has `actix_web.arguments.errors`. Values
/// are taken by their `Serialize`; what has none is left out, and so are `Data`, `ReqData` and the
/// request. The values of keys that look secret become `[REDACTED]`. The route macros may stand
/// above or below.
///
/// # Arguments
///
/// - `skip(name, ..)` leaves arguments out, `skip_all` all of them. By default none is.
/// - `debug(name, ..)` takes the values of these arguments by their `Debug`.
/// - `name = ".."` is recorded in the place of the path of the function.
/// - `crate = path` is where this crate is, if it has another name.
/// - `keep_signature` leaves the types of the arguments alone. By default a direct call needs
///   `.into()` for each argument; with it, rejections and the times of the arguments are not
///   recorded.
///
/// It is for free async functions:
///
/// ```compile_fail
/// #[logfire_rs_actix_web::endpoint]
/// fn list() {}
/// ```
pub use logfire_rs_macros::actix_web_endpoint as endpoint;
use pin_project_lite::pin_project;

/// actix-web, for core.
#[derive(Clone, Copy, Debug)]
pub enum ActixWeb {}

impl Framework for ActixWeb {
    const KEYS: &'static EndpointKeys = &endpoint_keys!("actix_web");

    fn describe(rejection: &dyn Any, type_name: &'static str) -> ArgumentError {
        rejection::describe(rejection, type_name)
    }
}

/// An argument of the endpoint `E`: the extractor `T`, observed.
pub struct Arg<T, E, const INDEX: usize>(pub T, PhantomData<fn() -> E>);

impl<T, E, const INDEX: usize> From<T> for Arg<T, E, INDEX> {
    fn from(value: T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: fmt::Debug, E, const INDEX: usize> fmt::Debug for Arg<T, E, INDEX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T, E, const INDEX: usize> FromRequest for Arg<T, E, INDEX>
where
    T: FromRequest + 'static,
    E: Endpoint,
{
    type Error = Error;
    type Future = ArgFuture<T::Future, Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut extraction = Extraction::start::<E>(INDEX).map(|it| (it, request.clone()));
        // A body that is encoded is not seen as it is parsed.
        let is_plain = !request.headers().contains_key(CONTENT_ENCODING);
        if let Some((extraction, _)) =
            extraction.as_mut().filter(|_| is_plain && parses_body::<T>())
            && let Some(observer) = extraction.body_observer()
        {
            *payload = observed(payload.take(), observer);
        }
        let entered = extraction.as_ref().and_then(|it| it.0.enter());
        let inner = T::from_request(request, payload);
        drop(entered);
        ArgFuture { inner, extraction, argument: PhantomData }
    }
}

/// Whether an error of an extractor may be one in the body, of which it shows neither place nor value.
/// It takes the body as soon as it is asked.
fn parses_body<T>() -> bool {
    let name = std::any::type_name::<T>();
    ["actix_web::types::json::Json<", "actix_web::types::form::Form<"]
        .iter()
        .any(|it| name.starts_with(it))
}

pin_project! {
    /// The future of an [`Arg`].
    pub struct ArgFuture<F, A> {
        #[pin]
        inner: F,
        extraction: Option<(Extraction, HttpRequest)>,
        argument: PhantomData<fn() -> A>,
    }
}

impl<F, A> fmt::Debug for ArgFuture<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extraction = self.extraction.as_ref().map(|it| &it.0);
        f.debug_struct("ArgFuture").field("extraction", &extraction).finish_non_exhaustive()
    }
}

impl<F, T, R, E, const INDEX: usize> Future for ArgFuture<F, Arg<T, E, INDEX>>
where
    F: Future<Output = Result<T, R>>,
    T: 'static,
    R: Into<Error>,
    E: Endpoint,
{
    type Output = Result<Arg<T, E, INDEX>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _entered = this.extraction.as_ref().and_then(|it| it.0.enter());
            ready!(this.inner.poll(cx))
        };
        Poll::Ready(match (result, this.extraction.take()) {
            (Ok(value), None) => Ok(value.into()),
            (Ok(value), Some((extraction, _))) => {
                extraction.extracted(&value);
                Ok(value.into())
            }
            (Err(rejection), None) => Err(rejection.into()),
            (Err(rejection), Some((extraction, request))) => {
                let rejected = Rejected { error: rejection.into(), request };
                let query = rejected.request.query_string();
                extraction.rejected::<E>(&rejected, std::any::type_name::<R>(), Some(query));
                Err(rejected.error)
            }
        })
    }
}

macro_rules! carriers {
    ($($carrier:ident)*) => { $(
        impl<T> Carrier<ActixWeb> for web::$carrier<T> {
            type Value = T;

            fn value(&self) -> &T {
                self
            }
        }
    )* };
}

carriers!(Form Json Path Query);

macro_rules! pairs {
    ($($carrier:ident)*) => { $(
        impl<T: DeserializeOwned> Pairs<ActixWeb> for web::$carrier<T> {
            fn wrong_key(text: &str) -> Option<String> {
                rejection::wrong_key::<T>(text)
            }
        }
    )* };
}

pairs!(Form Query);

macro_rules! plumbing {
    ($([$($bounds:tt)*] $type:ty,)*) => { $(impl<$($bounds)*> Plumbing<ActixWeb> for $type {})* };
}

plumbing! {
    [T: ?Sized] web::Data<T>,
    [T: ?Sized] Option<web::Data<T>>,
    [T: ?Sized, E] Result<web::Data<T>, E>,
    [T: Clone + 'static] web::ReqData<T>,
    [T: Clone + 'static] Option<web::ReqData<T>>,
    [] web::Bytes,
    [] web::Payload,
    [] ConnectionInfo,
    [] HttpRequest,
    [] Method,
    [] PeerAddr,
    [] Uri,
    [] crate::RequestSpan,
}
