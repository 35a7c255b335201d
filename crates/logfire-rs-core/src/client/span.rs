//! The open span of a request that was sent.

use std::error::Error;
use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use super::config::Server;
use super::series::Series;
use super::way::{self, Way};
use super::{Engine, captured};
use crate::attributes::{self as keys, MetricSet, attribute};
use crate::headers::{Headers, OutgoingHeaders};
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
    /// Lent to the thread while it works on the request, and moved often: so it is boxed.
    pub(super) flight: Option<Box<Flight>>,
}

/// A request on its way, and what is known of its answer.
pub(super) struct Flight {
    pub(super) start: Start,
    /// Whether the span has not ended yet.
    pub(super) open: bool,
    pub(super) response_size: Option<u64>,
    pub(super) way: Way,
    /// Where the request is counted as active; `None` if the instrument was told.
    active: Option<usize>,
    request_size: Option<RequestBodyCounter>,
    status: Option<u16>,
    version: Option<HttpVersion>,
    /// What went wrong, if it is not the status that tells.
    failure: Option<&'static str>,
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
            .field("span_context", self.context().span().span_context())
            .field("status", &self.flight.as_ref().and_then(|it| it.status))
            .finish_non_exhaustive()
    }
}

impl ClientSpan {
    #[inline]
    pub(super) fn new(start: Start, path: &str, way: Way) -> Self {
        let mut flight = Box::new(Flight {
            start,
            open: true,
            response_size: None,
            way,
            active: None,
            request_size: None,
            status: None,
            version: None,
            failure: None,
            handle: None,
            more: Vec::new(),
        });
        let hooks = &flight.start.engine.config.options;
        if hooks.request_hook.is_some() || hooks.response_hook.is_some() {
            flight.handle(path);
        }
        flight.count_started();
        Self { flight: Some(flight) }
    }

    /// The context of the request; active while it is on its way.
    #[must_use]
    pub fn context(&self) -> &Context {
        static NONE: LazyLock<Context> = LazyLock::new(Context::new);
        self.flight.as_ref().map_or(&NONE, |it| &it.start.context)
    }

    /// Calls a hook of the adapter, which gets more than core knows; a panic of it is caught.
    ///
    /// `path` is that of the URL.
    pub fn call_hook(&mut self, path: &str, hook: impl FnOnce(&RequestSpan)) {
        if let Some(flight) = &mut self.flight {
            let handle = flight.handle(path);
            diagnostics::guarded("on_request", || hook(handle));
        }
    }

    /// Writes the trace context into the headers of the request, unless that is turned off.
    pub fn inject(&self, headers: &mut dyn OutgoingHeaders) {
        if let Some(Flight { start, .. }) = self.flight.as_deref()
            && start.propagates
        {
            start.engine.backend().propagation.inject(&start.context, headers);
        }
    }

    /// Records the body of the request, which is there as a whole, if that is asked for.
    ///
    /// `headers` are those of the request.
    pub fn record_request_body(&mut self, headers: &dyn Headers, body: &[u8]) {
        if let Some(counter) = self.request_body_counter() {
            counter.add(body.len());
        }
        let Some(Flight { start, .. }) = self.flight.as_deref() else { return };
        let config = &start.engine.config;
        if start.recording && config.capture_request_body {
            let attribute = captured::request_body(headers, body, config.max_body);
            let span = start.context.span();
            attribute.into_iter().for_each(|it| span.set_attribute(it));
        }
    }

    /// Whether the sizes of bodies are asked for.
    #[must_use]
    pub fn counts_sizes(&self) -> bool {
        self.flight.as_ref().is_some_and(|it| it.counts_sizes())
    }

    /// Counts a body that is a stream; `None` if sizes are not asked for.
    ///
    /// Only a stream may be wrapped for it: a wrapped buffer could not be sent again.
    #[must_use]
    pub fn request_body_counter(&mut self) -> Option<RequestBodyCounter> {
        let flight = self.flight.as_mut().filter(|it| it.counts_sizes())?;
        Some(flight.request_size.get_or_insert_default().clone())
    }

    /// Records the head of the response.
    pub fn record_response(&mut self, response: &ClientResponse<'_>) {
        if let Some(flight) = &mut self.flight {
            flight.record_response(response);
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
        if let Some(flight) = &mut self.flight {
            flight.fail(error_type, message);
            flight.tell(Err(error));
        }
    }

    pub(super) fn request_span(&self) -> Option<&RequestSpan> {
        self.flight.as_ref()?.handle.as_ref()
    }
}

impl Flight {
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

    fn record_response(&mut self, response: &ClientResponse<'_>) {
        self.status = Some(response.status);
        self.version = response.version;
        if self.start.recording {
            let span = self.start.context.span();
            let status = i64::from(response.status);
            let version = response.version.map(HttpVersion::as_str);
            let (mut ip, port) = match response.peer {
                Some(Peer::Inet(peer)) => {
                    let ip = StringValue::from(address::ip_text(peer.ip()));
                    (Some(ip), Some(i64::from(peer.port())))
                }
                Some(Peer::Unix(path)) if !path.is_empty() => (Some(path.to_owned().into()), None),
                Some(Peer::Unix(_)) | None => (None, None),
            };
            // Made one by one: a list of them would be moved about.
            let known = (0..4).filter_map(|it| match it {
                0 => Some(attribute(keys::HTTP_RESPONSE_STATUS_CODE, status)),
                1 => version.map(|it| attribute(keys::NETWORK_PROTOCOL_VERSION, it)),
                2 => ip.take().map(|it| attribute(keys::NETWORK_PEER_ADDRESS, it)),
                _ => port.map(|it| attribute(keys::NETWORK_PEER_PORT, it)),
            });
            span.set_attributes(known);
            self.start.engine.config.response_headers.record_late(response.headers, &span);
            self.record_redirects(response);
            if response.status >= 400 {
                span.set_status(Status::error(""));
            }
        }
        self.tell(Ok(response));
    }

    /// A client that follows redirects by itself may tell no more than where it came to.
    fn record_redirects(&self, response: &ClientResponse<'_>) {
        let way = &self.way;
        if way.was_straight(response.url) {
            return;
        }
        let span = self.start.context.span();
        let resent = |count| span.set_attribute(attribute(keys::HTTP_REQUEST_RESEND_COUNT, count));
        let Some(url) = response.url else {
            return way.resend_count(Some(way.redirected_to)).into_iter().for_each(resent);
        };
        let url = FilterUrl::parse(url);
        let target = way::target(&url);
        if let Some(count) = way.resend_count(Some(target)) {
            resent(count);
        } else if target != way.target && !way.was_redirected() {
            let url = self.start.engine.config.full_url(&url, target);
            span.add_event(way::REDIRECT, vec![attribute(keys::URL_FULL, url)]);
        }
    }

    pub(super) fn fail(&mut self, error_type: &'static str, message: &dyn Display) {
        self.failure = Some(error_type);
        if self.start.recording {
            let text = redaction::mask_text(&diagnostics::display(message));
            let span = self.start.context.span();
            span.add_event(keys::EXCEPTION, keys::exception(error_type, text.clone()));
            span.set_status(Status::error(text));
            if let Some(count) = self.way.resend_count(None) {
                span.set_attribute(attribute(keys::HTTP_REQUEST_RESEND_COUNT, count));
            }
        }
    }

    fn tell(&self, result: Result<&ClientResponse<'_>, &(dyn Error + 'static)>) {
        let hook = &self.start.engine.config.options.response_hook;
        if let (Some(hook), Some(handle)) = (hook, &self.handle) {
            let _current = self.start.context.clone().attach();
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

    fn count_started(&mut self) {
        let Some(active) = &self.start.engine.resolved().active else { return };
        self.active = active.started(&self.start);
    }

    fn count_ended(&self) {
        if let Some(active) = &self.start.engine.resolved().active {
            active.ended(self.active, &self.start);
        }
    }

    fn record_duration(&self, metrics: &HttpMetrics, seconds: f64) {
        let known = self.start.engine.resolved().series.as_ref();
        if let Some((known, series)) = known.zip(self.series()) {
            let attributes = || self.outcome().as_slice().to_vec();
            if let Some(point) = known.find(series, series.mixed(), &metrics.duration, attributes) {
                return point.record_duration(seconds, &metrics.duration);
            }
        }
        self.with_outcome(|attributes| metrics.duration.record(seconds, attributes));
    }

    /// The series of a usual request: without attributes of its own, and with an error only if the
    /// status is one.
    fn series(&self) -> Option<Series> {
        let usual = self.failure.is_none() && self.more.is_empty();
        let Self { version, status, .. } = *self;
        self.active.filter(|_| usual).map(|target| Series { target, version, status })
    }

    /// Calls `record` with the metric attributes of the request and its outcome.
    fn with_outcome(&self, record: impl FnOnce(&[KeyValue])) {
        self.outcome().with(&self.more, record);
    }

    /// The metric attributes of the conventions.
    fn outcome(&self) -> MetricSet<7> {
        let mut set = MetricSet::new();
        self.start.push_target(&mut set);
        if let Some(version) = self.version {
            set.push(keys::NETWORK_PROTOCOL_VERSION, version.as_str());
        }
        if let Some(status) = self.status {
            set.push(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        }
        if let Some(error) = self.error_type() {
            set.push(keys::ERROR_TYPE, error);
        }
        set
    }
}

impl Start {
    /// What the metrics tell of a request that is not answered yet.
    pub(super) fn push_target<const N: usize>(&self, set: &mut MetricSet<N>) {
        set.push(keys::HTTP_REQUEST_METHOD, self.method.as_str());
        if let Some(address) = &self.server.address {
            set.push(keys::SERVER_ADDRESS, address.clone());
        }
        if let Some(port) = self.server.port {
            set.push(keys::SERVER_PORT, i64::from(port));
        }
        if let Some(template) = &self.template {
            set.push(keys::URL_TEMPLATE, template.value());
        }
    }
}

impl Flight {
    /// Ends the span, once.
    pub(super) fn end(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let elapsed = self.start.clock.elapsed();
        if let Some(handle) = &self.handle {
            let mut notes = handle.0.notes();
            notes.ended = true;
            self.more = notes.take_metric_attributes();
        }
        if let Some(metrics) = self.metrics() {
            let _current = self.start.context.clone().attach();
            self.record_duration(metrics, elapsed.as_secs_f64());
        }
        self.count_ended();
        if self.start.recording {
            let span = self.start.context.span();
            if let Some(error) = self.error_type() {
                span.set_attribute(KeyValue::new(keys::ERROR_TYPE, error));
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

    fn error_type(&self) -> Option<Value> {
        let of_status = || self.status.filter(|it| *it >= 400).map(keys::status_text);
        self.failure.map(Value::from).or_else(of_status)
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

impl Drop for Flight {
    fn drop(&mut self) {
        self.end();
        self.record_sizes();
    }
}
