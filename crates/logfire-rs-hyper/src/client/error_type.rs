//! What went wrong with a request, as one of few words: those of the reqwest client.

use std::error::Error;
use std::io::{self, ErrorKind};

use hyper_util::client::legacy;

/// The `error.type` of `error`, an error of the client.
pub(super) fn of(error: &(dyn Error + 'static)) -> &'static str {
    let connect = error.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect);
    let mut word = None;
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            word = of_hyper(error).or(word);
        }
        next = match error.downcast_ref::<io::Error>() {
            Some(error) => {
                word = word.or_else(|| of_io(error.kind(), connect));
                // The source of an `io::Error` is that of what it holds.
                error.get_ref().map(|it| it as &(dyn Error + 'static))
            }
            None => {
                let text = error.to_string();
                if connect && text.starts_with("dns error") {
                    return "name_resolution_error";
                }
                error.source()
            }
        };
    }
    word.unwrap_or(if connect { "connection_error" } else { "_OTHER" })
}

fn of_hyper(error: &hyper::Error) -> Option<&'static str> {
    if error.is_timeout() {
        Some("timeout")
    } else if error.is_user() {
        Some("request_body_error")
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

fn of_io(kind: ErrorKind, connect: bool) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("connection_refused"),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            Some("connection_reset")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some("network_unreachable"),
        ErrorKind::TimedOut if connect => Some("connect_timeout"),
        ErrorKind::TimedOut => Some("timeout"),
        ErrorKind::UnexpectedEof => Some("response_ended"),
        _ => None,
    }
}
