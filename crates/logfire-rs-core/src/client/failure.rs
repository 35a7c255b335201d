//! What went wrong with a request, as one of few words.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::diagnostics::display;

/// What the errors of a chain say, of which the outer ones know the step and the inner ones the
/// reason.
///
/// Core knows the errors of the standard library and the texts of TLS; an adapter adds what its
/// client knows.
///
/// ```
/// use std::io::{Error, ErrorKind};
///
/// use logfire_rs_core::ClientFailure;
///
/// let refused = Error::other(Error::from(ErrorKind::ConnectionRefused));
/// let failure = ClientFailure::default().read(&refused, |_, _| false);
/// assert_eq!(failure.error_type(), "connection_refused");
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ClientFailure {
    /// Something took too long.
    pub timeout: bool,
    /// There is no connection yet.
    pub connect: bool,
    /// The host has no address.
    pub dns: bool,
    /// The word of the step that failed, where the client tells it.
    pub step: Option<&'static str>,
    /// The word of what the protocol says; the innermost counts.
    pub protocol: Option<&'static str>,
    tls: Option<&'static str>,
    io: Option<ErrorKind>,
}

const OTHER: &str = "_OTHER";

impl ClientFailure {
    /// Adds what `error` and its sources say, from the outside in.
    ///
    /// `know` is asked first, and says whether it knows the type of an error.
    #[must_use]
    pub fn read(
        mut self,
        error: &(dyn Error + 'static),
        know: impl Fn(&mut Self, &(dyn Error + 'static)) -> bool,
    ) -> Self {
        each_error(error, &mut |error| {
            if know(&mut self, error) {
                return;
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                self.timeout |= error.kind() == ErrorKind::TimedOut;
                if error.kind() != ErrorKind::Other {
                    self.io.get_or_insert(error.kind());
                }
            } else if self.connect && self.tls.is_none() {
                self.tls = of_tls(&display(error));
            }
        });
        self
    }

    /// The `error.type`; `_OTHER` if nothing is known.
    #[must_use]
    pub fn error_type(self) -> &'static str {
        match self {
            Self { timeout: true, connect: true, .. } => "connect_timeout",
            Self { timeout: true, .. } => "timeout",
            Self { dns: true, .. } => "name_resolution_error",
            Self { tls: Some(word), .. }
            | Self { step: Some(word), .. }
            | Self { protocol: Some(word), .. } => word,
            Self { io: Some(kind), connect, .. } => of_io(kind, connect),
            Self { connect: true, .. } => "connection_error",
            _ => OTHER,
        }
    }
}

/// Visits `error` and its sources, from the outside in.
///
/// The source of an `io::Error` is that of what it holds, so what it holds is looked at too.
///
/// ```
/// let mut texts = Vec::new();
/// let error = std::io::Error::other("inner");
/// logfire_rs_core::each_error(&error, &mut |it| texts.push(it.to_string()));
/// assert_eq!(texts, ["inner", "inner"]);
/// ```
pub fn each_error(error: &(dyn Error + 'static), visit: &mut dyn FnMut(&(dyn Error + 'static))) {
    let mut next = Some(error);
    while let Some(error) = next {
        visit(error);
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
}

/// The application chooses the TLS library, so its types are not ours to name.
fn of_tls(text: &str) -> Option<&'static str> {
    const CERTIFICATE: [&str; 3] =
        ["invalid peer certificate", "certificate verify failed", "certificate not trusted"];
    const HANDSHAKE: [&str; 8] = [
        "received corrupt message",
        "received fatal alert",
        "peer is incompatible",
        "peer misbehaved",
        "received unexpected",
        "unexpected error: ",
        "wrong version number",
        "SSL routines",
    ];
    if CERTIFICATE.iter().any(|it| text.contains(it)) {
        Some("server_certificate_invalid")
    } else if HANDSHAKE.iter().any(|it| text.contains(it)) {
        Some("secure_connection_error")
    } else {
        None
    }
}

fn of_io(kind: ErrorKind, connect: bool) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "connection_refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            "connection_reset"
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "network_unreachable",
        _ if connect => "connection_error",
        ErrorKind::UnexpectedEof => "response_ended",
        ErrorKind::InvalidData | ErrorKind::InvalidInput => "decode_error",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_the_standard_library_are_words() {
        for (kind, expected, connecting) in [
            (ErrorKind::ConnectionRefused, "connection_refused", "connection_refused"),
            (ErrorKind::ConnectionReset, "connection_reset", "connection_reset"),
            (ErrorKind::BrokenPipe, "connection_reset", "connection_reset"),
            (ErrorKind::HostUnreachable, "network_unreachable", "network_unreachable"),
            (ErrorKind::NetworkUnreachable, "network_unreachable", "network_unreachable"),
            (ErrorKind::TimedOut, "timeout", "connect_timeout"),
            (ErrorKind::UnexpectedEof, "response_ended", "connection_error"),
            (ErrorKind::InvalidData, "decode_error", "connection_error"),
            (ErrorKind::PermissionDenied, "_OTHER", "connection_error"),
        ] {
            // The source of an `io::Error` skips what it holds.
            let error = io::Error::other(io::Error::from(kind));
            for (connect, expected) in [(false, expected), (true, connecting)] {
                let failure = ClientFailure { connect, ..ClientFailure::default() };
                assert_eq!(failure.read(&error, |_, _| false).error_type(), expected, "{kind}");
            }
        }
    }

    #[test]
    fn a_library_for_tls_is_known_by_its_texts_while_connecting() {
        for (text, expected) in [
            ("invalid peer certificate: UnknownIssuer", "server_certificate_invalid"),
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:\
                 certificate verify failed",
                "server_certificate_invalid",
            ),
            ("error:0A00010B:SSL routines:ssl3_get_record", "secure_connection_error"),
            ("received fatal alert: HandshakeFailure", "secure_connection_error"),
            ("something else", "connection_error"),
        ] {
            let error = io::Error::new(ErrorKind::InvalidData, text);
            let connecting = ClientFailure { connect: true, ..ClientFailure::default() };
            assert_eq!(connecting.read(&error, |_, _| false).error_type(), expected, "{text}");
            let later = ClientFailure::default().read(&error, |_, _| false);
            assert_eq!(later.error_type(), "decode_error");
        }
    }
    #[test]
    fn an_error_that_fails_to_say_what_it_is_is_of_no_known_kind() {
        #[derive(Debug)]
        struct Silent;
        impl std::fmt::Display for Silent {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                Err(std::fmt::Error)
            }
        }
        impl Error for Silent {}
        let connecting = ClientFailure { connect: true, ..ClientFailure::default() };
        assert_eq!(connecting.read(&Silent, |_, _| false).error_type(), "connection_error");
    }
}
