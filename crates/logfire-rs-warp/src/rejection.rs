//! Rejections, as the error types of requests that end as a server error.

use std::error::Error as _;
use std::fmt::Write as _;
use std::future::{Ready, ready};

use warp::Rejection;
use warp::filters::body::BodyDeserializeError;
use warp::reject::{
    InvalidHeader, InvalidQuery, LengthRequired, MethodNotAllowed, MissingCookie, MissingHeader,
    PayloadTooLarge, UnsupportedMediaType,
};

use crate::route::Slot;

/// Shows a rejection to the request before the application's own `recover` turns it into an answer.
///
/// Without a `recover` of the application this is not needed. A rejection becomes the error of the
/// request if the answer is a 5xx.
///
/// ```
/// use std::convert::Infallible;
///
/// use logfire_rs_warp::{instrument, observe, path};
/// use warp::http::StatusCode;
/// use warp::{Filter, Rejection, Reply};
///
/// async fn answer(_: Rejection) -> Result<impl Reply, Infallible> {
///     Ok(StatusCode::SERVICE_UNAVAILABLE)
/// }
///
/// let routes = path!("hello").map(|| "hello");
/// let service = instrument(routes.or_else(observe).recover(answer));
/// ```
pub fn observe<T>(rejection: Rejection) -> Ready<Result<T, Rejection>> {
    if let Some(slot) = Slot::current()
        && !rejection.is_not_found()
    {
        let (kind, text) = describe(&rejection);
        slot.reject(Rejected {
            kind,
            text,
            #[cfg(feature = "endpoint")]
            argument: crate::endpoint::describe(&rejection),
        });
    }
    ready(Err(rejection))
}

/// What is known of a rejection, until it turns out whether it counts.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    #[cfg(feature = "endpoint")]
    pub(crate) argument: Option<logfire_rs_core::endpoint::ArgumentError>,
}

/// The kind of a rejection, from a closed list, and what it says.
fn describe(rejection: &Rejection) -> (&'static str, String) {
    macro_rules! find {
        ($($type:ty => $kind:literal,)*) => {
            $(if let Some(error) = rejection.find::<$type>() {
                let mut text = error.to_string();
                if let Some(source) = error.source() {
                    let _ = write!(text, ": {source}");
                }
                return ($kind, text);
            })*
        };
    }
    if rejection.find::<BodyDeserializeError>().is_some() {
        // Its text quotes the body.
        return ("body_deserialize_error", "the body could not be deserialized".to_owned());
    }
    find! {
        InvalidHeader => "invalid_header",
        InvalidQuery => "invalid_query",
        LengthRequired => "length_required",
        MethodNotAllowed => "method_not_allowed",
        MissingCookie => "missing_cookie",
        MissingHeader => "missing_header",
        PayloadTooLarge => "payload_too_large",
        UnsupportedMediaType => "unsupported_media_type",
    }
    // A rejection of the application; warp answers it with a 500.
    ("unhandled_rejection", format!("{rejection:?}"))
}
