//! What went wrong with a request, as one of few words.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// The `error.type` of `error`.
pub(crate) fn of(error: &(dyn Error + 'static)) -> &'static str {
    word(error, Found::default())
}

/// The `error.type` of an error that a connector gives.
pub(crate) fn of_connecting(error: &(dyn Error + 'static)) -> &'static str {
    word(error, Found { connect: true, ..Found::default() })
}

/// The `error.type` of a name that has no address.
pub(crate) const NAME_RESOLUTION: &str = "name_resolution_error";

fn word(error: &(dyn Error + 'static), mut found: Found) -> &'static str {
    each(error, &mut |it| found.add(it));
    match found {
        Found { timeout: true, connect: true, .. } => "connect_timeout",
        Found { timeout: true, .. } => "timeout",
        Found { dns: true, .. } => NAME_RESOLUTION,
        Found { tls: Some(word), .. }
        | Found { step: Some(word), .. }
        | Found { protocol: Some(word), .. } => word,
        Found { io: Some(kind), connect, .. } => of_io(kind, connect),
        Found { connect: true, .. } => "connection_error",
        _ => OTHER,
    }
}

const OTHER: &str = "_OTHER";

/// What the errors of a chain say, of which the outer ones know the step and the inner ones the
/// reason.
#[derive(Default)]
struct Found {
    timeout: bool,
    connect: bool,
    dns: bool,
    tls: Option<&'static str>,
    step: Option<&'static str>,
    protocol: Option<&'static str>,
    io: Option<ErrorKind>,
}

impl Found {
    fn add(&mut self, error: &(dyn Error + 'static)) {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            self.timeout |= error.is_timeout();
            self.connect |= error.is_connect();
            self.dns |= error.is_dns();
            if error.is_builder() {
                self.step.get_or_insert("invalid_request");
            } else if error.is_redirect() {
                self.step.get_or_insert("redirect_error");
            } else if error.is_upgrade() {
                self.step.get_or_insert("upgrade_error");
            }
        } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
            self.timeout |= error.is_timeout();
            self.protocol = of_hyper(error).or(self.protocol);
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            self.timeout |= error.kind() == ErrorKind::TimedOut;
            if error.kind() != ErrorKind::Other {
                self.io.get_or_insert(error.kind());
            }
        } else if self.connect && self.tls.is_none() {
            self.tls = of_tls(&error.to_string());
        }
    }
}

fn of_hyper(error: &hyper::Error) -> Option<&'static str> {
    // The type is that of h2, which need not be there; its texts are those of RFC 9113.
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    if text.starts_with("stream error") {
        Some("http2_reset")
    } else if text.starts_with("connection error") {
        Some("http2_go_away")
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

/// Visits `error` and its sources, from the outside in.
///
/// The source of an `io::Error` is that of what it holds, so what it holds is looked at too.
fn each(error: &(dyn Error + 'static), visit: &mut dyn FnMut(&(dyn Error + 'static))) {
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

/// The texts of an error and its sources, without the URLs that reqwest adds.
pub(crate) struct WithoutUrls<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for WithoutUrls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = String::new();
        let mut result = Ok(());
        each(self.0, &mut |error| {
            let mut text = error.to_string();
            if error.is::<reqwest::Error>()
                && let Some(url) = text.find(" for url (")
            {
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
