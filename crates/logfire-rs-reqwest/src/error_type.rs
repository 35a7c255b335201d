//! What went wrong with a request, as one of few words.

use std::error::Error;
use std::{fmt, io};

use logfire_rs_core::{ClientFailure, display, each_error};

/// The `error.type` of `error`.
pub(crate) fn of(error: &(dyn Error + 'static)) -> &'static str {
    ClientFailure::default().read(error, know).error_type()
}

/// The `error.type` of an error in the body of a response.
pub(crate) fn of_body(error: &(dyn Error + 'static)) -> &'static str {
    let word = of(error);
    let (mut input, mut protocol) = (false, false);
    each_error(error, &mut |error| {
        input |= error.is::<io::Error>();
        protocol |= error.is::<hyper::Error>();
    });
    // The decoders of reqwest say what is wrong with their input as an error of reading, of any kind.
    match word {
        "_OTHER" | "response_ended" if input && !protocol => "decode_error",
        "_OTHER" => "response_body_error",
        word => word,
    }
}

/// The `error.type` of an error that a connector gives.
pub(crate) fn of_connecting(error: &(dyn Error + 'static)) -> &'static str {
    let mut failure = ClientFailure::default();
    failure.connect = true;
    failure.read(error, know).error_type()
}

/// The `error.type` of an error that a resolver gives.
pub(crate) fn of_resolving(error: &(dyn Error + 'static)) -> &'static str {
    let mut failure = ClientFailure::default();
    failure.dns = true;
    failure.read(error, know).error_type()
}

fn know(failure: &mut ClientFailure, error: &(dyn Error + 'static)) -> bool {
    // It shows what it holds as its own, and so is not seen as a source.
    #[cfg(feature = "reqwest-middleware")]
    if let Some(error) = error.downcast_ref::<reqwest_middleware::Error>() {
        return match error {
            reqwest_middleware::Error::Reqwest(error) => know(failure, error),
            reqwest_middleware::Error::Middleware(error) => know(failure, &**error),
        };
    }
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        failure.timeout |= error.is_timeout();
        failure.connect |= error.is_connect();
        failure.dns |= error.is_dns();
        if error.is_builder() {
            failure.step.get_or_insert("invalid_request");
        } else if error.is_redirect() {
            failure.step.get_or_insert("redirect_error");
        } else if error.is_upgrade() {
            failure.step.get_or_insert("upgrade_error");
        }
        return true;
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        failure.timeout |= error.is_timeout();
        failure.protocol = of_hyper(error).or(failure.protocol);
        return true;
    }
    false
}

fn of_hyper(error: &hyper::Error) -> Option<&'static str> {
    // Of the body of the request, whatever its own error says.
    if error.is_user() {
        return Some("request_body_error");
    }
    // The type is that of h2, which need not be there; its texts are those of RFC 9113.
    let text = error.source().map(|it| display(it)).unwrap_or_default();
    if text.starts_with("stream error") {
        Some("http2_reset")
    } else if text.starts_with("connection error") {
        Some("http2_go_away")
    } else if text.to_ascii_lowercase().contains("broken pipe") {
        Some("connection_reset")
    } else if error.is_incomplete_message() {
        Some("response_ended")
    } else if error.is_parse() {
        Some("invalid_response")
    } else if error.is_canceled() || error.is_closed() {
        Some("connection_closed")
    } else {
        None
    }
}

/// The texts of an error and its sources, without the URLs that reqwest adds.
pub(crate) struct WithoutUrls<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for WithoutUrls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = String::new();
        let mut result = Ok(());
        each_error(self.0, &mut |error| {
            let mut text = display(error);
            // Whatever the type: an error may show that of reqwest as its own.
            if let Some(url) = text.find(" for url (") {
                text.truncate(url);
            }
            // Some errors repeat what they hold.
            if result.is_err() || text.is_empty() || last.ends_with(&text) {
                return;
            }
            let separator = if last.is_empty() { "" } else { ": " };
            result = write!(f, "{separator}{text}");
            last = text;
        });
        result
    }
}
