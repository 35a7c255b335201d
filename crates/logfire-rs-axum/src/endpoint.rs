//! The endpoint record: arguments of handlers, why they were rejected, and when.

mod rejection;

use std::any::{Any, TypeId};
use std::fmt;
use std::marker::PhantomData;

use axum::body::Body;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Extension, Form, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Uri, Version};
use axum::response::{IntoResponse, Response};
use axum::{Json, body};
use logfire_rs_core::endpoint::capture::{Carrier, Plumbing};
use logfire_rs_core::endpoint::{ArgumentError, Endpoint, EndpointKeys, Extraction, Framework};
use logfire_rs_core::endpoint_keys;

use crate::service::observed;

/// Records the arguments of a handler, why one of them was rejected, and when all of it happened.
///
/// ```
/// use axum::extract::Query;
/// use axum::{Router, routing::get};
/// use logfire_rs_axum::endpoint;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Hello {
///     name: String,
/// }
///
/// #[endpoint]
/// async fn hello(Query(hello): Query<Hello>) -> String {
///     format!("hello {}", hello.name)
/// }
///
/// let app: Router = Router::new().route("/hello", get(hello));
/// let app = logfire_rs_axum::instrument(app);
/// ```
///
/// The span of `GET /hello?name=world` then has `axum.arguments.values` with
/// `{"hello":{"name":"world"}}`, and that of `GET /hello` has `axum.arguments.errors`. Values are
/// taken by their `Serialize`; what has none is left out, and so are `State`, `Extension`, the
/// request and its headers. The values of keys that look secret become `[REDACTED]`.
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
/// ```
/// use axum::Json;
/// use axum::extract::Path;
/// use logfire_rs_axum::endpoint;
///
/// #[endpoint(skip(body), name = "rename")]
/// async fn rename(Path(id): Path<u32>, Json(body): Json<String>) -> String {
///     format!("{id}: {body}")
/// }
///
/// #[endpoint(keep_signature)]
/// async fn show(Path(id): Path<u32>) -> String {
///     id.to_string()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // As a function, in a test.
/// assert_eq!(rename(Path(7).into(), Json("x".to_owned()).into()).await, "7: x");
/// assert_eq!(show(Path(7)).await, "7");
/// # }
/// ```
///
/// It is for free async functions:
///
/// ```compile_fail
/// struct Api;
///
/// impl Api {
///     #[logfire_rs_axum::endpoint]
///     async fn list(&self) {}
/// }
/// ```
///
/// ```compile_fail
/// #[logfire_rs_axum::endpoint]
/// fn list() {}
/// ```
pub use logfire_rs_macros::axum_endpoint as endpoint;

/// axum, for core.
#[derive(Clone, Copy, Debug)]
pub enum Axum {}

impl Framework for Axum {
    const KEYS: &'static EndpointKeys = &endpoint_keys!("axum");

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

impl<S, T, E, const INDEX: usize> FromRequestParts<S> for Arg<T, E, INDEX>
where
    S: Send + Sync,
    T: FromRequestParts<S> + 'static,
    T::Rejection: 'static,
    E: Endpoint,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let extraction = Extraction::start::<E>(INDEX);
        let work = T::from_request_parts(parts, state);
        let result = Extraction::run(extraction.as_ref(), work).await;
        settle::<T, T::Rejection, E, INDEX>(extraction, result, parts.uri.query())
    }
}

impl<S, T, E, const INDEX: usize> FromRequest<S> for Arg<T, E, INDEX>
where
    S: Send + Sync,
    T: FromRequest<S> + 'static,
    T::Rejection: 'static,
    E: Endpoint,
{
    type Rejection = Response;

    /// Not an async function, which would keep the request once more.
    fn from_request(
        request: Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Response>> + Send {
        let mut extraction = Extraction::start::<E>(INDEX);
        // A form is read from the query where there is no body.
        let query = extraction.as_ref().map(|_| request.uri().clone());
        let request = match extraction.as_mut().filter(|_| parses_body::<T::Rejection>()) {
            Some(extraction) => {
                let observer = extraction.body_observer();
                request.map(|body| observed(body, observer))
            }
            None => request,
        };
        let work = Extraction::run(extraction.as_ref(), T::from_request(request, state));
        async move {
            let result = work.await;
            let query = query.as_ref().and_then(Uri::query);
            settle::<T, T::Rejection, E, INDEX>(extraction, result, query)
        }
    }
}

/// Whether an error of an extractor may be one in the body, of which it does not show the value.
fn parses_body<R: 'static>() -> bool {
    [TypeId::of::<JsonRejection>(), TypeId::of::<FormRejection>()].contains(&TypeId::of::<R>())
}

/// A rejection need not be `Send`, so it becomes a response before anything else is waited for.
#[expect(clippy::result_large_err, reason = "a response is what axum wants of a rejection")]
fn settle<T: 'static, R: IntoResponse + 'static, E: Endpoint, const INDEX: usize>(
    extraction: Option<Extraction>,
    result: Result<T, R>,
    query: Option<&str>,
) -> Result<Arg<T, E, INDEX>, Response> {
    match (result, extraction) {
        (Ok(value), None) => Ok(value.into()),
        (Ok(value), Some(extraction)) => {
            extraction.extracted(&value);
            Ok(value.into())
        }
        (Err(rejection), None) => Err(rejection.into_response()),
        (Err(rejection), Some(extraction)) => {
            extraction.rejected::<E>(&rejection, std::any::type_name::<R>(), query);
            Err(rejection.into_response())
        }
    }
}

macro_rules! carriers {
    ($($carrier:ident)*) => { $(
        impl<T> Carrier<Axum> for $carrier<T> {
            type Value = T;

            fn value(&self) -> &T {
                &self.0
            }
        }
    )* };
}

carriers!(Form Json Path Query);

macro_rules! plumbing {
    ($([$($bounds:tt)*] $type:ty,)*) => { $(impl<$($bounds)*> Plumbing<Axum> for $type {})* };
}

plumbing! {
    [T] Extension<T>,
    [T] Option<Extension<T>>,
    [T, E] Result<Extension<T>, E>,
    [T] State<T>,
    [] Request,
    [] Parts,
    [] HeaderMap,
    [] Extensions,
    [] Method,
    [] Uri,
    [] Version,
    [] Body,
    [] body::Bytes,
    [] crate::RequestSpan,
    [] Option<crate::RequestSpan>,
}
