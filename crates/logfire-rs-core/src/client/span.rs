//! The open span of a request that was sent.

use std::error::Error;
use std::fmt::{self, Display};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use opentelemetry::propagation::Injector;
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use super::Engine;
use super::config::Server;
use crate::attributes::{self as keys, MetricSet, attribute};
use crate::message::{ClientResponse, HttpVersion, Peer};
use crate::method::Method;
use crate::metrics::HttpMetrics;
use crate::names::Template;
use crate::request_span::{Exchange, Notes, RequestSpan};
use crate::{address, diagnostics, redaction};

/// The span of one request, until the head of its answer.
///
/// It ends with the value. Without an answer and without an error the caller has given up, which is
/// no error of the request: the span's status stays unset, as the conventions say.
pub struct ClientSpan {
    start: Start,
    status: Option<u16>,
    version: Option<HttpVersion>,
    error: Option<Value>,
    /// What hooks of the application share.
    handle: Option<RequestSpan>,
}

pub(super) struct Start {
    pub(super) engine: Arc<Engine>,
    pub(super) context: Context,
    pub(super) recording: bool,
    pub(super) wall: SystemTime,
    pub(super) clock: Instant,
    pub(super) method: Method,
    pub(super) server: Server,
    pub(super) template: Option<Template>,
}

impl fmt::Debug for ClientSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSpan")
            .field("span_context", self.start.context.span().span_context())
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl ClientSpan {
    pub(super) fn new(start: Start, path: &str) -> Self {
        let mut span = Self { start, status: None, version: None, error: None, handle: None };
        let hooks = &span.start.engine.config.options;
        if hooks.request_hook.is_some() || hooks.response_hook.is_some() {
            span.handle = Some(RequestSpan(Arc::new(Exchange {
                context: span.start.context.clone(),
                recording: span.start.recording,
                method: span.start.method,
                path: path.into(),
                notes: Mutex::new(Notes::default()),
                server: None,
            })));
        }
        if let Some(metrics) = span.metrics() {
            span.add_active(metrics, 1);
        }
        span
    }

    /// The context of the request; active while it is on its way.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.start.context
    }

    /// Writes the trace context into the headers of the request, unless that is turned off.
    ///
    /// `injector` puts a value in the place of those that are there.
    pub fn inject(&self, injector: &mut dyn Injector) {
        if self.start.engine.config.options.propagation.unwrap_or(true) {
            self.start.engine.backend().propagation.inject(&self.start.context, injector);
        }
    }

    /// Records the head of the response.
    pub fn record_response(&mut self, response: &ClientResponse<'_>) {
        self.status = Some(response.status);
        self.version = response.version;
        if response.status >= 400 {
            self.error = Some(keys::status_text(response.status));
        }
        if self.start.recording {
            let mut attributes = Vec::with_capacity(4);
            attributes.push(attribute(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(response.status)));
            if let Some(version) = response.version {
                attributes.push(attribute(keys::NETWORK_PROTOCOL_VERSION, version.as_str()));
            }
            match response.peer {
                Some(Peer::Inet(peer)) => {
                    let ip = StringValue::from(address::ip_text(peer.ip()));
                    attributes.push(attribute(keys::NETWORK_PEER_ADDRESS, ip));
                    attributes.push(attribute(keys::NETWORK_PEER_PORT, i64::from(peer.port())));
                }
                Some(Peer::Unix(path)) if !path.is_empty() => {
                    attributes.push(attribute(keys::NETWORK_PEER_ADDRESS, path.to_owned()));
                }
                Some(Peer::Unix(_)) | None => {}
            }
            let captured = &self.start.engine.config.response_headers;
            captured.record(response.headers, &mut attributes);
            let span = self.start.context.span();
            attributes.into_iter().for_each(|it| span.set_attribute(it));
            if self.error.is_some() {
                span.set_status(Status::error(""));
            }
        }
        self.tell(Ok(response));
    }

    /// Records that there is no response.
    ///
    /// `error_type` is one of a closed list of the adapter. `message` must be free of URLs; what
    /// else looks like a secret in it is masked.
    pub fn record_error(
        &mut self,
        error_type: &'static str,
        message: &dyn Display,
        error: &(dyn Error + 'static),
    ) {
        self.error = Some(Value::from(error_type));
        if self.start.recording {
            let text = redaction::mask_text(&message.to_string());
            let span = self.start.context.span();
            span.add_event(keys::EXCEPTION, keys::exception(error_type, text.clone()));
            span.set_status(Status::error(text));
        }
        self.tell(Err(error));
    }

    pub(super) fn request_span(&self) -> Option<&RequestSpan> {
        self.handle.as_ref()
    }

    fn tell(&self, result: Result<&ClientResponse<'_>, &(dyn Error + 'static)>) {
        let hook = &self.start.engine.config.options.response_hook;
        if let (Some(hook), Some(handle)) = (hook, &self.handle) {
            diagnostics::guarded("response_hook", || hook(handle, result));
        }
    }

    fn metrics(&self) -> Option<&HttpMetrics> {
        self.start.engine.backend().metrics.as_ref()
    }

    /// The attributes are those of the start, so that the sum comes back to zero.
    fn add_active(&self, metrics: &HttpMetrics, change: i64) {
        let mut set = MetricSet::<4>::new();
        self.push_target(&mut set);
        metrics.active_requests.add(change, set.as_slice());
    }

    fn record_duration(&self, metrics: &HttpMetrics, seconds: f64, more: &[KeyValue]) {
        let mut set = MetricSet::<7>::new();
        self.push_target(&mut set);
        if let Some(version) = self.version {
            set.push(keys::NETWORK_PROTOCOL_VERSION, version.as_str());
        }
        if let Some(status) = self.status {
            set.push(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        }
        if let Some(error) = &self.error {
            set.push(keys::ERROR_TYPE, error.clone());
        }
        set.with(more, |attributes| metrics.duration.record(seconds, attributes));
    }

    fn push_target<const N: usize>(&self, set: &mut MetricSet<N>) {
        let start = &self.start;
        set.push(keys::HTTP_REQUEST_METHOD, start.method.as_str());
        if let Some(address) = &start.server.address {
            set.push(keys::SERVER_ADDRESS, address.clone());
        }
        if let Some(port) = start.server.port {
            set.push(keys::SERVER_PORT, i64::from(port));
        }
        if let Some(template) = &start.template {
            set.push(keys::URL_TEMPLATE, template.value());
        }
    }
}

impl Drop for ClientSpan {
    fn drop(&mut self) {
        let elapsed = self.start.clock.elapsed();
        let more = match &self.handle {
            Some(handle) => {
                let mut notes = handle.0.notes();
                notes.ended = true;
                std::mem::take(&mut notes.metric_attributes)
            }
            None => Vec::new(),
        };
        if let Some(metrics) = self.metrics() {
            let _current = self.start.context.clone().attach();
            self.record_duration(metrics, elapsed.as_secs_f64(), &more);
            self.add_active(metrics, -1);
        }
        if self.start.recording {
            let span = self.start.context.span();
            if let Some(error) = self.error.take() {
                span.set_attribute(KeyValue::new(keys::ERROR_TYPE, error));
            }
            span.end_with_timestamp(self.start.wall + elapsed);
        }
    }
}
