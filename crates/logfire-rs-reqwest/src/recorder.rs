//! A request and its outcome, as core wants to be told.

use std::error::Error;
use std::net::SocketAddr;

use logfire_rs_core::{
    ClientRequest, ClientResponse, ClientSpan, HttpClientInstrumenter, HttpClientOptions,
    HttpVersion, Peer, PerRequest,
};
use opentelemetry::Context;
use reqwest::{Request, Response, StatusCode, Url, Version};

use crate::carrier::{Lines, Outgoing};
use crate::client::OnRequest;
use crate::connect::Connections;
use crate::{body, error_type};

/// What a client and its requests share to be recorded; cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) instrumenter: HttpClientInstrumenter,
    /// Known if the builder of the client was asked to record them.
    pub(crate) connections: Option<Connections>,
    /// Whether each redirect is a request of its own.
    pub(crate) hops: bool,
    /// Whether such a request tells where it comes from.
    pub(crate) referer: bool,
    pub(crate) on_request: Option<OnRequest>,
}

impl Recorder {
    pub(crate) fn new(options: HttpClientOptions) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let instrumenter = HttpClientInstrumenter::new(name, version, "REQWEST", options);
        Self { instrumenter, connections: None, hops: false, referer: true, on_request: None }
    }

    /// Starts the span of `request`, and writes the context into it.
    pub(crate) fn start(
        &self,
        made_in: &Context,
        request: &mut Request,
        settings: &PerRequest,
        resend_count: u32,
    ) -> Option<ClientSpan> {
        let described = ClientRequest {
            method: request.method().as_str(),
            url: request.url().as_str(),
            template: None,
            resend_count,
            headers: &Lines(request.headers()),
        };
        let mut span = self.instrumenter.start(made_in, &described, settings)?;
        if let Some(hook) = &self.on_request {
            span.call_hook(request.url().path(), |it| hook(it, request));
        }
        span.inject(&mut Outgoing(request.headers_mut()));
        body::record_request(&mut span, request);
        Some(span)
    }

    /// Records the head of `response`, and goes on with its body if that is asked for.
    pub(crate) fn answered(&self, mut span: ClientSpan, response: Response) -> Response {
        let (lines, peer) = (Lines(response.headers()), response.remote_addr());
        let head = head(response.status(), response.url(), response.version(), peer, &lines);
        span.record_response(&head);
        if let Some(connections) = &self.connections {
            connections.record(&mut span, response.extensions());
        }
        match span.into_body(&head) {
            Some(record) => body::watch_response(response, record),
            None => response,
        }
    }
}

/// Records that there is no response.
pub(crate) fn failed(mut span: ClientSpan, error: &(dyn Error + 'static)) {
    span.record_error(error_type::of(error), &error_type::WithoutUrls(error), error);
}

pub(crate) fn head<'a>(
    status: StatusCode,
    url: &'a Url,
    version: Version,
    peer: Option<SocketAddr>,
    headers: &'a Lines<'a>,
) -> ClientResponse<'a> {
    let version = match version {
        Version::HTTP_09 => Some(HttpVersion::Http09),
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        Version::HTTP_3 => Some(HttpVersion::Http3),
        _ => None,
    };
    let (status, url, peer) = (status.as_u16(), Some(url.as_str()), peer.map(Peer::Inet));
    ClientResponse { status, url, version, peer, headers }
}
