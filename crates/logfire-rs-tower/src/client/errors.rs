//! What went wrong with a request, as one of few words, as far as any client's errors tell.

use std::any::Any;
use std::error::Error;
use std::io::{self, ErrorKind};

/// The error in tower's boxed one.
pub(super) fn boxed(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    let boxed = error.downcast_ref::<Box<dyn Error + Send + Sync>>()?;
    Some(&**boxed)
}

/// The `error.type` of `error`: that of the `io::Error` in its chain.
pub(super) fn of(error: &(dyn Error + 'static)) -> &'static str {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if let Some(word) = of_io(error.kind()) {
                return word;
            }
            // The source of an `io::Error` is that of what it holds.
            next = error.get_ref().map(|it| it as &(dyn Error + 'static));
            continue;
        }
        next = error.source();
    }
    "_OTHER"
}

fn of_io(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("connection_refused"),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            Some("connection_reset")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some("network_unreachable"),
        ErrorKind::TimedOut => Some("timeout"),
        ErrorKind::UnexpectedEof => Some("response_ended"),
        _ => None,
    }
}
