//! The parts of messages, as hooks and the spans of `record_send_receive` see them.

use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt as _};

use super::config::ServerConfig;
use crate::attributes::{self as keys, attribute};
use crate::message::Frame;
use crate::options::FrameHook;
use crate::request_span::RequestSpan;
use crate::{current, diagnostics};

/// A larger body is not kept: what is wrong in it is said without its place.
const KEPT: usize = 16 * 1024;

/// Sees the body of a request while the application reads it.
#[derive(Clone, Debug)]
pub struct RequestBodyObserver {
    span: RequestSpan,
    /// Whether it is for hooks and counts.
    tells: bool,
    /// Whether the body is kept for the errors that may be in it.
    keeps: bool,
}

impl RequestBodyObserver {
    pub(super) fn new(span: RequestSpan) -> Self {
        Self { span, tells: true, keeps: false }
    }

    /// Keeps the body, up to 16 KiB, for the errors that may be in it, and does nothing else.
    pub(crate) fn keeping(span: RequestSpan) -> Self {
        span.0.notes().extras().body = Some(Vec::new());
        Self { span, tells: false, keeps: true }
    }

    /// What `observer` does, and if the current request is sampled, what `keeping`
    /// does.
    #[must_use]
    pub fn also_keeping(observer: Option<Self>) -> Option<Self> {
        let Some(request) = current::recorded_request() else { return observer };
        let keeping = Self::keeping(request);
        Some(Self { tells: observer.is_some(), ..keeping })
    }

    /// Counts bytes that were read; none when the body is first seen, since a request without a body
    /// was received whole, too.
    pub fn received(&self, bytes: u64) {
        let mut notes = self.span.0.notes();
        if self.tells && !notes.ended {
            *notes.received.get_or_insert(0) += bytes;
        }
    }

    /// Whether [`frame`](Self::frame) has anyone to tell.
    #[must_use]
    pub fn observes_frames(&self) -> bool {
        self.keeps || self.tells_frames()
    }

    fn tells_frames(&self) -> bool {
        let server = self.span.0.server.as_ref().filter(|_| self.tells);
        server.is_some_and(|it| {
            let options = it.options();
            options.receive_hook.is_some() || options.record_send_receive
        })
    }

    /// Tells hooks of a part of the request.
    pub fn frame(&self, frame: &Frame<'_>) {
        if let (true, Frame::Data(data)) = (self.keeps, frame) {
            self.keep(data);
        }
        if self.tells_frames() {
            self.span.within(|| received(&self.span, frame));
        }
    }

    fn keep(&self, data: &[u8]) {
        let mut notes = self.span.0.notes();
        if let Some(body) = notes.body() {
            if body.len() + data.len() <= KEPT {
                body.extend_from_slice(data);
            } else {
                notes.take_body();
            }
        }
    }
}

/// Whether anyone is interested in the body of a request.
pub(super) fn observes_request(config: &ServerConfig) -> bool {
    let options = &config.options;
    options.receive_hook.is_some() || options.record_send_receive || config.body_sizes
}

/// Whether anyone is interested in the parts of a response.
pub(super) fn observes_response(config: &ServerConfig) -> bool {
    config.options.send_hook.is_some() || config.options.record_send_receive
}

/// The application received `frame`; the request is the current one.
pub(super) fn received(span: &RequestSpan, frame: &Frame<'_>) {
    let Some(server) = &span.0.server else { return };
    let options = server.options();
    let kind = match frame {
        Frame::Message => Some(("websocket receive", "websocket.receive")),
        Frame::Data(_) => Some(("http receive request", "http.request")),
        Frame::Head | Frame::Trailers | Frame::End => None,
    };
    record(span, kind.filter(|_| options.record_send_receive), None);
    tell(options.receive_hook.as_ref(), "receive_hook", span, frame);
}

/// The application sends `frame`; the request is the current one.
pub(super) fn sent(span: &RequestSpan, frame: &Frame<'_>) {
    let Some(server) = &span.0.server else { return };
    let options = server.options();
    let status = span.0.notes().status;
    let (kind, status) = match frame {
        Frame::Head => (Some(("http send response.start", "http.response.start")), status),
        Frame::Data(_) => (Some(("http send response.body", "http.response.body")), None),
        Frame::Message => (Some(("websocket send", "websocket.send")), None),
        Frame::Trailers | Frame::End => (None, None),
    };
    record(span, kind.filter(|_| options.record_send_receive), status);
    tell(options.send_hook.as_ref(), "send_hook", span, frame);
}

fn tell(hook: Option<&FrameHook>, name: &'static str, span: &RequestSpan, frame: &Frame<'_>) {
    if let Some(hook) = hook {
        diagnostics::guarded(name, || hook(span, frame));
    }
}

/// Makes the span of one part, a child of the request's.
fn record(span: &RequestSpan, kind: Option<(&str, &'static str)>, status: Option<u16>) {
    let (Some((suffix, kind)), Some(server)) = (kind, &span.0.server) else { return };
    let Some(tracer) = server.tracer() else { return };
    if !span.0.recording {
        return;
    }
    let method = span.0.method.span_name();
    let name = match span.route() {
        Some(route) => format!("{method} {route} {suffix}"),
        None => format!("{method} {suffix}"),
    };
    let mut attributes = vec![attribute(keys::HTTP_MESSAGE_TYPE, kind)];
    if let Some(status) = status {
        attributes.push(attribute(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
    }
    let builder =
        SpanBuilder::from_name(name).with_kind(SpanKind::Internal).with_attributes(attributes);
    tracer.start(builder, span.context()).0.span().end();
}
