//! The open span of a request.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

use super::exchange::{ServerExchange, panic_message, record_failure};
use super::frames::{self, RequestBodyObserver};
use super::keep_open::KeepOpen;
use crate::current::Entered;
use crate::headers::Headers;
use crate::message::{Frame, ServerResponse};
use crate::options::SpanEnd;
use crate::propagation::traceparent;
use crate::request_span::RequestSpan;
use crate::{attributes, diagnostics, names};

/// The span of one request, from its head to the last byte of the answer.
///
/// An adapter moves it from the future of the response to the body. However the request ends, the
/// span ends with the value: a panic, a client that leaves and a body that breaks off are recorded
/// as what they are, and the request is no longer counted as active.
#[derive(Debug)]
pub struct ServerSpan {
    handle: Option<RequestSpan>,
    /// What the work of a request that is not recorded runs in.
    passing: Option<Context>,
    excluded: bool,
    progress: Progress,
    /// Bytes of the body so far, and how many there will be.
    sent: u64,
    expected: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    BeforeHead,
    Body,
    /// The body is complete, or there is none to send.
    Complete,
}

impl ServerSpan {
    pub(super) fn open(handle: RequestSpan) -> Self {
        Self::new(Some(handle), None)
    }

    /// A span that records nothing, with the context to run in.
    pub(super) fn passing(passing: Option<Context>) -> Self {
        Self::new(None, passing)
    }

    /// The same, of a request that nobody is to record.
    pub(super) fn excluded(context: Context) -> Self {
        let mut span = Self::passing(Some(context));
        span.excluded = true;
        span
    }

    fn new(handle: Option<RequestSpan>, passing: Option<Context>) -> Self {
        let progress = Progress::BeforeHead;
        Self { handle, passing, excluded: false, progress, sent: 0, expected: None }
    }

    /// A span that neither records nor changes anything: for a request that is recorded already.
    #[must_use]
    pub fn idle() -> Self {
        Self::passing(None)
    }

    /// The context of the request.
    #[must_use]
    pub fn context(&self) -> &Context {
        static NONE: LazyLock<Context> = LazyLock::new(Context::new);
        match (&self.handle, &self.passing) {
            (Some(handle), _) => handle.context(),
            (None, Some(context)) => context,
            (None, None) => &NONE,
        }
    }

    /// The handle for the application; `None` if nothing is recorded.
    #[must_use]
    pub fn request_span(&self) -> Option<&RequestSpan> {
        self.handle.as_ref()
    }

    /// Whether there is nothing to do at the end of the body: its wrapper can be left out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.handle.is_none() && self.passing.is_none()
    }

    /// Whether the request is recorded or excluded: layers that are nearer to the handler leave it
    /// alone. They may record one of which only the context is passed on.
    ///
    /// ```
    /// use logfire_rs_core::ServerSpan;
    ///
    /// assert!(!ServerSpan::idle().is_settled());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.handle.is_some() || self.excluded
    }

    /// Makes the request the current one; around each poll of its future and body.
    #[inline]
    pub fn enter(&mut self) -> Entered<'_> {
        let context = match &self.handle {
            Some(handle) => Some(handle.context().clone()),
            None => self.passing.clone(),
        };
        Entered::new(context, &mut self.handle)
    }

    /// Runs `poll` as the current request. If it panics, the span ends, and the panic goes on.
    pub fn run<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        if self.is_idle() {
            return poll();
        }
        let entered = self.enter();
        let result = catch_unwind(AssertUnwindSafe(poll));
        drop(entered);
        result.unwrap_or_else(|panic| {
            self.fail("panic", || panic_message(&*panic));
            resume_unwind(panic)
        })
    }

    /// Sets the route, unless one is known; for frameworks that tell it late.
    pub fn set_route(&self, route: &str) {
        if let Some(handle) = &self.handle
            && handle.0.notes().route.is_none()
        {
            handle.set_route(route);
        }
    }

    /// Sets the route that the framework has found in the end, or that it has found none; what the
    /// application set stays.
    pub fn settle_route(&self, route: Option<&str>) {
        let Some(handle) = &self.handle else { return };
        let mut notes = handle.0.notes();
        if notes.route_is_likely {
            notes.route = None;
            notes.route_is_likely = false;
        }
        let unknown = notes.route.is_none() && !notes.ended;
        if let Some(route) = route.filter(|it| unknown && !it.is_empty()) {
            notes.route = Some(names::name(handle.0.method.span_name(), route).1);
            notes.route_is_recorded = false;
        }
    }

    /// Records the error that the framework keeps with the response, unless the application has
    /// recorded one itself; see [`RequestSpan::record_error`].
    pub fn record_application_error(&self, error_type: &'static str, error: &dyn Display) {
        if let Some(handle) = &self.handle
            && handle.0.notes().error.is_none()
        {
            handle.record_error(error_type, error);
        }
    }

    /// Records the head of the response; a size that [`expect_body`](Self::expect_body) has told
    /// before is not looked for in `headers`.
    pub fn record_response(&mut self, status: u16, headers: &dyn Headers) {
        let Some(handle) = &self.handle else { return };
        let Some(server) = &handle.0.server else { return };
        let config = &server.engine.config;
        handle.0.notes().status = Some(status);
        if handle.0.recording {
            let span = handle.0.context.span();
            let code = i64::from(status);
            span.set_attribute(attributes::attribute(attributes::HTTP_RESPONSE_STATUS_CODE, code));
            config.response_headers.record_late(headers, &span);
        }

        let method = handle.0.method;
        let tunnel = status == 101 || method.is_connect() && (200..300).contains(&status);
        let bodiless = method.is_head() || tunnel || matches!(status, 100..=199 | 204 | 304);
        self.progress = if bodiless { Progress::Complete } else { Progress::Body };
        // Whatever has a length ends by itself.
        self.expected = self.expected.or_else(|| content_length(headers));
        let endless = tunnel || self.expected.is_none() && is_event_stream(headers);
        let (hook, end) = (config.options.response_hook.clone(), config.options.span_end);
        if let Some(hook) = hook {
            self.inside(|span| {
                diagnostics::guarded("response_hook", || {
                    hook(span, &ServerResponse { status, headers });
                });
            });
        }
        if endless
            && let Some(handle) = &self.handle
            && let Some(server) = self.server()
        {
            server.record_duration_now(&handle.0);
        }
        self.response_frame(&Frame::Head);
        if end == SpanEnd::Head {
            self.end_now();
        }
    }

    /// Records that there is no response, since the service failed.
    ///
    /// `error_type` is one of a closed list of the adapter; secrets are masked in `error`.
    pub fn record_error(&mut self, error_type: &'static str, error: &dyn Display) {
        self.fail(error_type, || diagnostics::display(error));
    }

    /// Records that the body broke off.
    pub fn record_body_error(&mut self, error: &dyn Display) {
        self.fail("response_body_error", || diagnostics::display(error));
    }

    /// Tells what is known of the body before it is sent.
    ///
    /// A server stops polling a body whose exact size it knows, so its end may never be seen.
    pub fn expect_body(&mut self, exact_size: Option<u64>, is_end: bool) {
        self.expected = exact_size.or(self.expected);
        if is_end {
            self.complete();
        }
    }

    /// Counts bytes of the body that were handed over.
    pub fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    /// Whether all of the response was handed over, or there is nothing more to hand over.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }

    /// Whether [`response_frame`](Self::response_frame) has anyone to tell.
    #[must_use]
    pub fn observes_response(&self) -> bool {
        self.server().is_some_and(|it| frames::observes_response(&it.engine.config))
    }

    /// Tells hooks of a part of the response.
    #[inline]
    pub fn response_frame(&mut self, frame: &Frame<'_>) {
        if self.observes_response() {
            self.inside(|span| frames::sent(span, frame));
        }
    }

    /// The end of the body was handed over.
    #[inline]
    pub fn complete(&mut self) {
        if self.progress != Progress::Complete {
            self.response_frame(&Frame::End);
            self.progress = Progress::Complete;
        }
    }

    /// What counts and observes the body of the request, if anyone is interested.
    #[must_use]
    pub fn request_body_observer(&self) -> Option<RequestBodyObserver> {
        let handle = self.handle.as_ref()?;
        let observes = self.server().is_some_and(|it| it.engine.observes_request());
        observes.then(|| RequestBodyObserver::new(handle.clone()))
    }

    /// Keeps the span open beyond this value: for a connection that is upgraded.
    #[must_use]
    pub fn keep_open(&self) -> Option<KeepOpen> {
        KeepOpen::new(self.handle.as_ref()?)
    }

    /// The headers that tell the client of the trace, if it is to be told.
    #[must_use]
    pub fn trace_response(&self) -> Option<TraceResponse> {
        if !self.server()?.options().trace_response {
            return None;
        }
        let span = self.context().span();
        let span_context = span.span_context();
        // Without a span of ours it is the caller's, which knows it.
        let own = span_context.is_valid() && !span_context.is_remote();
        own.then(|| TraceResponse { traceresponse: traceparent(span_context) })
    }

    fn server(&self) -> Option<&ServerExchange> {
        self.handle.as_ref()?.0.server.as_ref()
    }

    fn inside(&mut self, tell: impl FnOnce(&RequestSpan)) {
        if let Some(handle) = self.handle.clone() {
            let _entered = self.enter();
            tell(&handle);
        }
    }

    fn fail(&mut self, error_type: &'static str, message: impl FnOnce() -> String) {
        if let Some(handle) = &self.handle {
            record_failure(handle, error_type, message);
        }
        self.progress = Progress::Complete;
        self.end_now();
    }

    /// Ends the span although the request goes on.
    fn end_now(&self) {
        if let Some(handle) = &self.handle
            && let Some(server) = self.server()
        {
            server.finish(&handle.0);
        }
    }
}

impl Drop for ServerSpan {
    fn drop(&mut self) {
        let Some(handle) = &self.handle else { return };
        let Some(server) = &handle.0.server else { return };
        let complete = self.expected.is_some_and(|it| self.sent >= it);
        let failure = match self.progress {
            Progress::Complete => None,
            Progress::Body if complete => None,
            _ if std::thread::panicking() => Some("panic"),
            Progress::Body => Some("incomplete_response"),
            Progress::BeforeHead => Some("cancelled"),
        };
        let mut notes = handle.0.notes();
        notes.failure = notes.failure.or(failure);
        if server.engine.config.body_sizes && notes.status.is_some() {
            notes.sent = Some(self.sent);
        }
        drop(notes);
        server.release(&handle.0);
    }
}

/// The headers that tell a client of the trace of its request.
#[derive(Clone, Debug)]
pub struct TraceResponse {
    traceresponse: String,
}

impl TraceResponse {
    /// Names and values, to be appended to the headers of the response.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("server-timing", format!("trace;desc={}", self.traceresponse)),
            ("traceresponse", self.traceresponse.clone()),
            ("access-control-expose-headers", "server-timing, traceresponse".to_owned()),
        ]
    }
}

fn content_length(headers: &dyn Headers) -> Option<u64> {
    headers.first("content-length")?.as_str()?.trim().parse().ok()
}

fn is_event_stream(headers: &dyn Headers) -> bool {
    const TYPE: &[u8] = b"text/event-stream";
    let Some(value) = headers.first("content-type") else { return false };
    value.bytes.get(..TYPE.len()).is_some_and(|it| it.eq_ignore_ascii_case(TYPE))
}
