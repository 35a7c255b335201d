//! Rejections, as the error types of requests that end as a server error.

use std::error::Error as _;
use std::fmt::{self, Write as _};
use std::future::{Ready, ready};

use logfire_rs_core::{RequestSpan, current_request};
use warp::Rejection;
use warp::filters::body::BodyDeserializeError;
use warp::reject::{
    InvalidHeader, InvalidQuery, LengthRequired, MethodNotAllowed, MissingCookie, MissingHeader,
    PayloadTooLarge, UnsupportedMediaType,
};

use crate::route::Slot;

/// The kind of what warp answers with a 500: a rejection of the application.
const UNHANDLED: &str = "unhandled_rejection";

/// In the place of an error whose own text quotes the body.
const QUOTES_NOTHING: &str = "the body could not be deserialized";

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
    note(rejection, describe)
}

/// The same, where warp itself answers next: with a 5xx only what it does not know.
pub(crate) fn observe_unhandled<T>(rejection: Rejection) -> Ready<Result<T, Rejection>> {
    note(rejection, |request, it| (UNHANDLED, show(request, it)))
}

fn note<T>(
    rejection: Rejection,
    describe: fn(&RequestSpan, &Rejection) -> (&'static str, String),
) -> Ready<Result<T, Rejection>> {
    // What is not recorded is not asked what it is either.
    if let (Some(slot), Some(request)) = (Slot::current(), current_request())
        && !rejection.is_not_found()
    {
        let (kind, text) = describe(&request, &rejection);
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
pub(crate) struct Rejected {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    #[cfg(feature = "endpoint")]
    pub(crate) argument: Option<logfire_rs_core::endpoint::ArgumentError>,
}

/// Without the text, which nobody has masked yet.
impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The kind of a rejection, from a closed list, and what it says.
fn describe(request: &RequestSpan, rejection: &Rejection) -> (&'static str, String) {
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
        return ("body_deserialize_error", QUOTES_NOTHING.to_owned());
    }
    find! {
        InvalidHeader => "invalid_header",
        InvalidQuery => "invalid_query",
        LengthRequired => "length_required",
        MissingCookie => "missing_cookie",
        MissingHeader => "missing_header",
        PayloadTooLarge => "payload_too_large",
        UnsupportedMediaType => "unsupported_media_type",
    }
    // Alternatives for other methods have refused, too; a rejection of the application says more.
    let text = show(request, rejection);
    let words = text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty());
    if words.skip(1).all(|it| it == "MethodNotAllowed") {
        find! { MethodNotAllowed => "method_not_allowed", }
    }
    (UNHANDLED, text)
}

/// All parts of a rejection.
fn show(request: &RequestSpan, rejection: &Rejection) -> String {
    if rejection.find::<BodyDeserializeError>().is_some() {
        return QUOTES_NOTHING.to_owned();
    }
    let mut text = String::new();
    request.guarded("the `Debug` of a rejection", || {
        let _ = write!(text, "{rejection:?}");
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_rejection_is_not_shown() {
        let rejected = Rejected {
            kind: UNHANDLED,
            text: "password=s3cret".to_owned(),
            #[cfg(feature = "endpoint")]
            argument: None,
        };
        assert_eq!(format!("{rejected:?}"), r#"Rejected { kind: "unhandled_rejection", .. }"#);
    }
}
