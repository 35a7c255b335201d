//! What an adapter tells about a request and a response: plain borrowed data.

use std::fmt;
use std::net::SocketAddr;

use crate::Headers;

/// A request that a server received.
///
/// Hooks get it too. The fields hold what arrived: a hook that copies from them to an attribute
/// decides itself what is secret.
///
/// ```
/// use logfire_rs_core::HttpServerOptions;
///
/// let options = HttpServerOptions::default().exclude(|request| request.path == "/health");
/// ```
#[derive(Clone, Copy)]
pub struct ServerRequest<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The scheme of the request target, or of the connection where the adapter knows it.
    pub scheme: Option<&'a str>,
    /// The authority of the request target: `:authority`, or that of an absolute-form target.
    pub authority: Option<&'a str>,
    /// The path as the client sent it, also under nesting.
    pub path: &'a str,
    /// The query, without `?`.
    pub query: Option<&'a str>,
    /// The template of the route, where the framework has matched it already.
    pub route: Option<&'a str>,
    /// The version of the protocol.
    pub version: Option<HttpVersion>,
    /// The headers.
    pub headers: &'a dyn Headers,
    /// The other end of the connection.
    pub peer: Option<Peer<'a>>,
}

impl fmt::Debug for ServerRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ServerRequest");
        debug.field("method", &self.method).field("route", &self.route);
        debug.field("version", &self.version).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The head of a response that a server sends.
///
/// ```
/// use logfire_rs_core::{HttpServerOptions, opentelemetry::KeyValue};
///
/// let options = HttpServerOptions::default().response_hook(|span, response| {
///     let is_html = response.headers.first("content-type").and_then(|it| it.as_str());
///     let is_html = is_html.is_some_and(|it| it.starts_with("text/html"));
///     span.set_attribute(KeyValue::new("app.is_page", is_html && response.status == 200));
/// });
/// ```
#[derive(Clone, Copy)]
pub struct ServerResponse<'a> {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: &'a dyn Headers,
}

impl fmt::Debug for ServerResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A request that a client is about to send.
///
/// Hooks get it too. The fields hold what the caller wrote: a hook that copies from them to an
/// attribute decides itself what is secret.
///
/// ```
/// use logfire_rs_core::HttpClientOptions;
///
/// let is_local = |url: &str| url.starts_with("http://localhost");
/// let options = HttpClientOptions::default().exclude(move |request| is_local(request.url));
/// ```
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The absolute URL, as requested.
    pub url: &'a str,
    /// The low-cardinality template of the path, if the caller gave one.
    pub template: Option<&'a str>,
    /// How many times the request was sent before.
    pub resend_count: u32,
    /// The headers, as far as the caller set them.
    pub headers: &'a dyn Headers,
}

impl fmt::Debug for ClientRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ClientRequest");
        debug.field("method", &self.method).field("template", &self.template);
        debug.field("resend_count", &self.resend_count).finish_non_exhaustive()
    }
}

/// The head of a response that a client received.
///
/// ```
/// use logfire_rs_core::{HttpClientOptions, opentelemetry::KeyValue};
///
/// let options = HttpClientOptions::default().response_hook(|span, result| {
///     let cached = result.ok().and_then(|response| response.headers.first("x-cache"));
///     span.set_attribute(KeyValue::new("app.cached", cached.is_some()));
/// });
/// ```
#[derive(Clone, Copy)]
pub struct ClientResponse<'a> {
    /// The status code.
    pub status: u16,
    /// The URL that answered, where the client follows redirects by itself.
    pub url: Option<&'a str>,
    /// The version of the protocol that was negotiated.
    pub version: Option<HttpVersion>,
    /// The other end of the connection.
    pub peer: Option<Peer<'a>>,
    /// The headers.
    pub headers: &'a dyn Headers,
}

impl fmt::Debug for ClientResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ClientResponse");
        debug.field("status", &self.status).field("version", &self.version);
        debug.field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The other end of a connection, as the socket tells it.
///
/// ```
/// use logfire_rs_core::{HttpServerOptions, Peer};
///
/// // What other processes of this machine ask is not recorded:
/// let options = HttpServerOptions::default().exclude(|request| match request.peer {
///     Some(Peer::Inet(address)) => address.ip().is_loopback(),
///     Some(Peer::Unix(_)) => true,
///     None => false,
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer<'a> {
    /// An address of the internet.
    Inet(SocketAddr),
    /// The path of a Unix socket; often empty.
    Unix(&'a str),
}

/// A version of HTTP, as `network.protocol.version` writes it.
///
/// ```
/// assert_eq!(logfire_rs_core::HttpVersion::Http2.as_str(), "2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/0.9
    Http09,
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
}

impl HttpVersion {
    /// The value of `network.protocol.version`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http09 => "0.9",
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
            Self::Http3 => "3",
        }
    }
}

/// A part of a message, as [`receive_hook`](crate::HttpServerOptions::receive_hook) and
/// [`send_hook`](crate::HttpServerOptions::send_hook) see it.
///
/// ```
/// use logfire_rs_core::{Frame, HttpServerOptions, opentelemetry::KeyValue};
///
/// let options = HttpServerOptions::default().receive_hook(|span, frame| {
///     let what = match frame {
///         Frame::Data(_) => "data",
///         Frame::Message => "message",
///         Frame::End => "end",
///         _ => return,
///     };
///     span.add_event("received", vec![KeyValue::new("what", what)]);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// The status line and headers of the response.
    Head,
    /// Bytes of a body; the first piece of data that is in several pieces.
    Data(&'a [u8]),
    /// The trailers of a body.
    Trailers,
    /// A message of a WebSocket.
    Message,
    /// The end of a body.
    End,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::ServerRequest;
    use crate::headers::tests::Lines;

    /// A request for tests, of which no more is known than its path.
    pub(crate) fn get(path: &str) -> ServerRequest<'_> {
        ServerRequest {
            method: "GET",
            scheme: None,
            authority: None,
            path,
            query: None,
            route: None,
            version: None,
            headers: &Lines(&[]),
            peer: None,
        }
    }
}
