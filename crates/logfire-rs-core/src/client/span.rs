//! The open span of a request that was sent.

use std::error::Error;
use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use opentelemetry::propagation::Injector;
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use super::config::Server;
use super::way::{self, Way};
use super::{Engine, captured};
use crate::attributes::{self as keys, MetricSet, attribute};
use crate::headers::Headers;
use crate::message::{ClientResponse, HttpVersion, Peer};
use crate::method::Method;
use crate::metrics::HttpMetrics;
use crate::names::Template;
use crate::redaction::FilterUrl;
use crate::request_span::{Exchange, Notes, RequestSpan};
use crate::{address, diagnostics, redaction};

/// The span of one request.
///
/// It ends with the value: at the head of the response, unless [`into_body`](Self::into_body) takes
/// it on. Without an answer and without an error the caller has given up, which is
/// no error of the request: the span's status stays unset, as the conventions say.
pub struct ClientSpan {
    pub(super) start: Start,
    /// Whether the span has not ended yet.
    pub(super) open: bool,
    pub(super) response_size: Option<u64>,
    /// Lent to the thread while it works on the request.
    pub(super) way: Option<Way>,
    request_size: Option<RequestBodyCounter>,
    status: Option<u16>,
    version: Option<HttpVersion>,
    error: Option<Value>,
    /// What hooks of the application share.
    handle: Option<RequestSpan>,
    /// What the application added to the metrics, once the span has ended.
    more: Vec<KeyValue>,
}

/// Counts the bytes of a request's body while it is sent; cloning shares the count.
#[derive(Clone, Debug, Default)]
pub struct RequestBodyCounter(Arc<AtomicU64>);

impl RequestBodyCounter {
    /// Adds the length of a part that was sent.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// All of it, at once.
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

pub(super) struct Start {
    pub(super) engine: Arc<Engine>,
    pub(super) context: Context,
    pub(super) recording: bool,
    /// Whether the context is sent along.
    pub(super) propagates: bool,
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
    pub(super) fn new(start: Start, url: &FilterUrl<'_>, resend_count: u32) -> Self {
        let way = Way::new(start.method, target(url), start.server.clone(), resend_count);
        let mut span = Self {
            start,
            open: true,
            response_size: None,
            way: Some(way),
            request_size: None,
            status: None,
            version: None,
            error: None,
            handle: None,
            more: Vec::new(),
        };
        let hooks = &span.start.engine.config.options;
        if hooks.request_hook.is_some() || hooks.response_hook.is_some() {
            span.handle(url.path());
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

    /// Calls a hook of the adapter, which gets more than core knows; a panic of it is caught.
    ///
    /// `path` is that of the URL.
    pub fn call_hook(&mut self, path: &str, hook: impl FnOnce(&RequestSpan)) {
        let handle = self.handle(path);
        diagnostics::guarded("on_request", || hook(handle));
    }

    /// What hooks share; made for the first one.
    fn handle(&mut self, path: &str) -> &RequestSpan {
        self.handle.get_or_insert_with(|| {
            RequestSpan(Arc::new(Exchange {
                context: self.start.context.clone(),
                recording: self.start.recording,
                method: self.start.method,
                path: path.into(),
                notes: Mutex::new(Notes::default()),
                server: None,
            }))
        })
    }

    /// Writes the trace context into the headers of the request, unless that is turned off.
    ///
    /// `injector` puts a value in the place of those that are there.
    pub fn inject(&self, injector: &mut dyn Injector) {
        if self.start.propagates {
            self.start.engine.backend().propagation.inject(&self.start.context, injector);
        }
    }

    /// Records the body of the request, which is there as a whole, if that is asked for.
    ///
    /// `headers` are those of the request.
    pub fn record_request_body(&mut self, headers: &dyn Headers, body: &[u8]) {
        if let Some(counter) = self.request_body_counter() {
            counter.add(body.len());
        }
        let config = &self.start.engine.config;
        if self.start.recording && config.capture_request_body {
            let attribute = captured::request_body(headers, body, config.max_body);
            let span = self.start.context.span();
            attribute.into_iter().for_each(|it| span.set_attribute(it));
        }
    }

    /// Counts a body that is a stream; `None` if sizes are not asked for.
    ///
    /// Only a stream may be wrapped for it: a wrapped buffer could not be sent again.
    #[must_use]
    pub fn request_body_counter(&mut self) -> Option<RequestBodyCounter> {
        self.counts_sizes().then(|| self.request_size.get_or_insert_default().clone())
    }

    /// Records the head of the response.
    pub fn record_response(&mut self, response: &ClientResponse<'_>) {
        self.status = Some(response.status);
        self.version = response.version;
        if response.status >= 400 {
            self.error = Some(keys::status_text(response.status));
        }
        if self.start.recording {
            let span = self.start.context.span();
            let status = i64::from(response.status);
            span.set_attribute(attribute(keys::HTTP_RESPONSE_STATUS_CODE, status));
            if let Some(version) = response.version {
                span.set_attribute(attribute(keys::NETWORK_PROTOCOL_VERSION, version.as_str()));
            }
            match response.peer {
                Some(Peer::Inet(peer)) => {
                    let ip = StringValue::from(address::ip_text(peer.ip()));
                    span.set_attribute(attribute(keys::NETWORK_PEER_ADDRESS, ip));
                    let port = i64::from(peer.port());
                    span.set_attribute(attribute(keys::NETWORK_PEER_PORT, port));
                }
                Some(Peer::Unix(path)) if !path.is_empty() => {
                    span.set_attribute(attribute(keys::NETWORK_PEER_ADDRESS, path.to_owned()));
                }
                Some(Peer::Unix(_)) | None => {}
            }
            let mut captured = Vec::new();
            let config = &self.start.engine.config;
            config.response_headers.record(response.headers, &mut captured);
            captured.into_iter().for_each(|it| span.set_attribute(it));
            self.record_redirects(response);
            if self.error.is_some() {
                span.set_status(Status::error(""));
            }
        }
        self.tell(Ok(response));
    }

    /// A client that follows redirects by itself may tell no more than where it came to.
    fn record_redirects(&self, response: &ClientResponse<'_>) {
        let (Some(way), Some(url)) = (&self.way, response.url.map(FilterUrl::parse)) else {
            return;
        };
        let target = target(&url);
        let span = self.start.context.span();
        if let Some(count) = way.resend_count(Some(target)) {
            span.set_attribute(attribute(keys::HTTP_REQUEST_RESEND_COUNT, count));
        } else if target != way.target && !way.was_redirected() {
            let url = self.start.engine.config.full_url(&url);
            span.add_event(way::REDIRECT, vec![attribute(keys::URL_FULL, url)]);
        }
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
        self.fail(error_type, message);
        self.tell(Err(error));
    }

    pub(super) fn fail(&mut self, error_type: &'static str, message: &dyn Display) {
        self.error = Some(Value::from(error_type));
        if self.start.recording {
            let text = redaction::mask_text(&diagnostics::display(message));
            let span = self.start.context.span();
            span.add_event(keys::EXCEPTION, keys::exception(error_type, text.clone()));
            span.set_status(Status::error(text));
            if let Some(count) = self.way.as_ref().and_then(|it| it.resend_count(None)) {
                span.set_attribute(attribute(keys::HTTP_REQUEST_RESEND_COUNT, count));
            }
        }
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

    /// As attributes also without a meter.
    pub(super) fn counts_sizes(&self) -> bool {
        self.start.engine.config.options.shared.body_sizes.unwrap_or(false)
    }

    pub(super) fn metrics(&self) -> Option<&HttpMetrics> {
        self.start.engine.backend().metrics.as_ref()
    }

    /// The attributes are those of the start, so that the sum comes back to zero.
    fn add_active(&self, metrics: &HttpMetrics, change: i64) {
        let mut set = MetricSet::<4>::new();
        self.push_target(&mut set);
        metrics.active_requests.add(change, set.as_slice());
    }

    /// Calls `record` with the metric attributes of the request and its outcome.
    fn with_outcome(&self, record: impl FnOnce(&[KeyValue])) {
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
        set.with(&self.more, record);
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

impl ClientSpan {
    /// Ends the span, once.
    pub(super) fn end(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let elapsed = self.start.clock.elapsed();
        if let Some(handle) = &self.handle {
            let mut notes = handle.0.notes();
            notes.ended = true;
            self.more = std::mem::take(&mut notes.metric_attributes);
        }
        if let Some(metrics) = self.metrics() {
            let _current = self.start.context.clone().attach();
            let seconds = elapsed.as_secs_f64();
            self.with_outcome(|attributes| metrics.duration.record(seconds, attributes));
            self.add_active(metrics, -1);
        }
        if self.start.recording {
            let span = self.start.context.span();
            if let Some(error) = &self.error {
                span.set_attribute(KeyValue::new(keys::ERROR_TYPE, error.clone()));
            }
            let sizes = [
                (keys::HTTP_REQUEST_BODY_SIZE, self.request_size()),
                (keys::HTTP_RESPONSE_BODY_SIZE, self.response_size),
            ];
            if self.counts_sizes() {
                for (key, size) in sizes {
                    if let Some(size) = size.and_then(|it| i64::try_from(it).ok()) {
                        span.set_attribute(attribute(key, size));
                    }
                }
            }
            span.end_with_timestamp(self.start.wall + elapsed);
        }
    }

    fn request_size(&self) -> Option<u64> {
        self.request_size.as_ref().map(|it| it.0.load(Ordering::Relaxed))
    }

    /// The sizes are known only when both bodies are done, maybe after the span's end.
    fn record_sizes(&self) {
        let Some(sizes) = self.metrics().and_then(|it| it.body_sizes.as_ref()) else { return };
        let _current = self.start.context.clone().attach();
        if let Some(size) = self.request_size() {
            self.with_outcome(|attributes| sizes.request.record(size, attributes));
        }
        if let Some(size) = self.response_size {
            self.with_outcome(|attributes| sizes.response.record(size, attributes));
        }
    }
}

impl Drop for ClientSpan {
    fn drop(&mut self) {
        self.end();
        self.record_sizes();
    }
}

/// Tells URLs apart as the wire does: without credentials and fragment.
///
/// FNV-1a: nothing is lost if someone finds two URLs that are taken for one.
pub(super) fn target(url: &FilterUrl<'_>) -> u64 {
    let query = url.query().map_or(["", ""], |it| ["?", it]);
    [url.scheme(), "://", url.authority(), url.path(), query[0], query[1]]
        .iter()
        .flat_map(|it| it.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
