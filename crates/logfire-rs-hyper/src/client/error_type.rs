//! What went wrong with a request, as one of few words: those of the reqwest client.

use std::error::Error;

use hyper_util::client::legacy;
use logfire_rs_core::{ClientFailure, display};

/// The `error.type` of `error`, an error of the client.
pub(super) fn of(error: &(dyn Error + 'static)) -> &'static str {
    ClientFailure::default().read(error, know).error_type()
}

/// The `error.type` of an error that a connector gives.
pub(super) fn of_connecting(error: &(dyn Error + 'static)) -> &'static str {
    let mut failure = ClientFailure::default();
    failure.connect = true;
    failure.read(error, know).error_type()
}

fn know(failure: &mut ClientFailure, error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<legacy::Error>() {
        failure.connect |= error.is_connect();
        return true;
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        failure.timeout |= error.is_timeout();
        failure.protocol = of_hyper(error).or(failure.protocol);
        return true;
    }
    // The type is private to hyper-util.
    failure.dns |= failure.connect && display(error).starts_with("dns error");
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
