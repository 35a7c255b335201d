//! The endpoint record: arguments of handlers, and why a filter rejected the request.

use std::any::Any;
use std::error::Error as _;

use http::Request;
use http::header::CONTENT_TYPE;
use http_body::Body;
use logfire_rs_core::endpoint::capture::Plumbing;
use logfire_rs_core::endpoint::{
    ArgumentError, EndpointKeys, ErrorKind, Framework, record_rejection,
};
use logfire_rs_core::{RequestBodyObserver, RequestSpan, current_request, endpoint_keys};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// Records the arguments of a handler, and when it ran.
///
/// For functions that are given to `map`, `then` and `and_then`, async or not.
///
/// ```
/// use logfire_rs_warp::{endpoint, path};
/// use serde::{Deserialize, Serialize};
/// use warp::Filter;
///
/// #[derive(Deserialize, Serialize)]
/// struct Hello {
///     name: String,
/// }
///
/// #[endpoint]
/// fn hello(hello: Hello) -> String {
///     format!("hello {}", hello.name)
/// }
///
/// let routes = path!("hello").and(logfire_rs_warp::query()).map(hello);
/// let service = logfire_rs_warp::instrument(routes);
/// ```
///
/// The span of `GET /hello?name=world` then has `warp.arguments.values` with
/// `{"hello":{"name":"world"}}`, and that of `GET /hello` has `warp.arguments.errors`: what the
/// filters reject is recorded with or without this attribute. Values are taken by their `Serialize`;
/// what has none is left out. The values of keys that look secret become `[REDACTED]`.
///
/// # Arguments
///
/// - `skip(name, ..)` leaves arguments out, `skip_all` all of them. By default none is.
/// - `debug(name, ..)` takes the values of these arguments by their `Debug`.
/// - `name = ".."` is recorded in the place of the path of the function.
/// - `crate = path` is where this crate is, if it has another name.
/// - `keep_signature` changes nothing here: the types of the arguments are kept always, so there are
///   no times of the arguments.
pub use logfire_rs_macros::warp_endpoint as endpoint;
use warp::filters::body::BodyDeserializeError;
use warp::reject::{
    InvalidHeader, InvalidQuery, LengthRequired, MissingCookie, MissingHeader, PayloadTooLarge,
    UnsupportedMediaType,
};
use warp::{Filter, Rejection};

use crate::route::Slot;

/// The query as a `T`, in the place of [`warp::query()`]: what is wrong in it is recorded, which warp
/// does not tell.
///
/// It rejects what warp's own rejects, with the same rejection. Only then, and if the request is
/// sampled, it parses the query once more.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use logfire_rs_warp::path;
/// use warp::Filter;
///
/// let page = path!("page")
///     .and(logfire_rs_warp::query())
///     .map(|pairs: BTreeMap<String, u32>| format!("{pairs:?}"));
/// let service = logfire_rs_warp::instrument(page);
/// ```
pub fn query<T>() -> impl Filter<Extract = (T,), Error = Rejection> + Copy
where
    T: DeserializeOwned + Send + 'static,
{
    let raw = warp::query::raw().or(warp::any().map(String::new)).unify();
    let explained = raw.and_then(async |raw: String| {
        explain::<T>(&raw);
        Err::<T, _>(warp::reject::not_found())
    });
    warp::query().or(explained).unify()
}

/// Keeps why the query is no `T`, until it turns out whether that counts.
fn explain<T: DeserializeOwned>(query: &str) {
    let Some(request) = current_request().filter(RequestSpan::is_recording) else { return };
    let Some(slot) = Slot::current() else { return };
    request.guarded("the `Deserialize` of a query", || {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let pairs = serde_urlencoded::Deserializer::new(pairs);
        let Err(error) = serde_path_to_error::deserialize::<_, T>(pairs) else { return };
        let keys = error.path().iter().find_map(|it| match it {
            Segment::Map { key } => Some(key),
            _ => None,
        });
        let text = error.inner().to_string();
        let explained = ArgumentError::parsing(ErrorKind::QueryInvalid, &text);
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let explained = match keys.and_then(|key| pairs.find(|it| it.0 == *key)) {
            Some((key, value)) => explained.key(&key).input(&value),
            None => explained,
        };
        slot.explain_query(explained);
    });
}

/// What sees the body of a request: `observer`, and what keeps it, if a filter may parse it.
pub(crate) fn observing<B: Body>(
    observer: Option<RequestBodyObserver>,
    request: &Request<B>,
) -> Option<RequestBodyObserver> {
    let kind = request.headers().get(CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
    let is_parsed = kind.is_none_or(|it| {
        it.contains("json") || it.starts_with("application/x-www-form-urlencoded")
    });
    if is_parsed && !request.body().is_end_stream() {
        RequestBodyObserver::also_keeping(observer)
    } else {
        observer
    }
}

/// warp, for core.
#[derive(Clone, Copy, Debug)]
pub enum Warp {}

impl Framework for Warp {
    const KEYS: &'static EndpointKeys = &endpoint_keys!("warp");

    fn describe(_: &dyn Any, type_name: &'static str) -> ArgumentError {
        ArgumentError::unknown(type_name)
    }
}

impl Plumbing<Warp> for RequestSpan {}

/// What a handler returns to let another one try is recorded where it ends.
impl Plumbing<Warp> for Rejection {}

/// Records what the filters of the current request have rejected.
pub(crate) fn record(error: ArgumentError) {
    record_rejection::<Warp>(error);
}

/// What is recorded of `rejection`, if it is about an argument.
pub(crate) fn describe(rejection: &Rejection) -> Option<ArgumentError> {
    if let Some(error) = rejection.find::<BodyDeserializeError>() {
        return Some(body(error));
    }
    if rejection.find::<InvalidQuery>().is_some() {
        let explained = Slot::current().and_then(|it| it.explained_query());
        let unknown = || ArgumentError::new(ErrorKind::QueryInvalid, "the query is not valid");
        return Some(explained.unwrap_or_else(unknown));
    }
    let header = |problem: &str| ArgumentError::new(ErrorKind::HeaderInvalid, problem.to_owned());
    if let Some(it) = rejection.find::<MissingHeader>() {
        return Some(header("the header is missing").key(it.name()));
    }
    if let Some(it) = rejection.find::<InvalidHeader>() {
        return Some(header("the header is not valid").key(it.name()));
    }
    if let Some(it) = rejection.find::<MissingCookie>() {
        return Some(header("the cookie is missing").key("cookie").key(it.name()));
    }
    if rejection.find::<LengthRequired>().is_some() {
        return Some(header("the header is missing").key("content-length"));
    }
    if rejection.find::<PayloadTooLarge>().is_some() {
        return Some(ArgumentError::new(ErrorKind::BodyTooLarge, "length limit exceeded"));
    }
    if rejection.find::<UnsupportedMediaType>().is_some() {
        let error = ArgumentError::new(ErrorKind::MissingContentType, "unsupported content type");
        return Some(error.key("content-type"));
    }
    None
}

fn body(error: &BodyDeserializeError) -> ArgumentError {
    let Some(source) = error.source() else {
        return ArgumentError::new(ErrorKind::Other, "the body was rejected").part("body");
    };
    let kind = match source.downcast_ref::<serde_json::Error>() {
        Some(json) if json.is_data() => ErrorKind::JsonType,
        Some(_) => ErrorKind::JsonInvalid,
        None => ErrorKind::FormInvalid,
    };
    ArgumentError::parsing(kind, &source.to_string())
}
