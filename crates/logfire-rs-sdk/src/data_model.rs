//! What Logfire reads from a span beside the conventions: its message, its level, and that it has begun.
//!
//! The rules are those of Logfire's Python SDK 4.41.

use std::time::Duration;

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanContext, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{IdGenerator, RandomIdGenerator, Span, SpanData, SpanEvents, SpanLinks, SpanProcessor},
};

use crate::{
    Level, fingerprint, json_schema,
    message::{attribute, message, status_code, text},
    old_names,
};

const MESSAGE: &str = "logfire.msg";
pub(crate) const LEVEL: &str = "logfire.level_num";
const SPAN_TYPE: &str = "logfire.span_type";
const PENDING_PARENT: &str = "logfire.pending_parent_id";
const PENDING: &str = "pending_span";
const FINGERPRINT: &str = "logfire.exception.fingerprint";

const LEVEL_INFO: i64 = 9;
const LEVEL_WARN: i64 = 13;
const LEVEL_ERROR: i64 = 17;

/// Adds what Logfire reads to the spans that it hands to another processor.
///
/// [`configure`](crate::configure) does this already. Use it to send to Logfire with an OpenTelemetry SDK of your own:
/// around the processor that exports, because a processor can change only what it passes on.
///
/// Each span gets `logfire.msg` (`GET /hello/bob ? q='3'` for a request), `logfire.span_type`, and `logfire.level_num`
/// with the matching status: warning (13) for a request that was answered with 4xx; error (17) for 5xx, for a call that
/// was answered with 4xx or 5xx, and for every span with an error status. What the span has already stays, but for a
/// level of debug or trace, which tells of detail, when the span has failed.
///
/// A span with an error level and an `exception` event gets `logfire.exception.fingerprint`, by which Logfire groups errors:
/// the SHA-256 of the error's type and of where it was (`code.function.name`, else the name of the span; for a call also the
/// host), and of no message. `logfire.json_schema` says that captured bodies are JSON.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use logfire_rs_sdk::{
///     LogfireSpanProcessor,
///     opentelemetry::{Value, trace::{Status, Tracer, TracerProvider, Span}},
///     opentelemetry_sdk::{
///         error::OTelSdkResult,
///         trace::{SdkTracerProvider, SimpleSpanProcessor, SpanData, SpanExporter},
///     },
/// };
///
/// /// Keeps what a real exporter would send.
/// #[derive(Clone, Debug, Default)]
/// struct Kept(Arc<Mutex<Vec<SpanData>>>);
///
/// impl SpanExporter for Kept {
///     async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
///         self.0.lock().unwrap().append(&mut batch);
///         Ok(())
///     }
/// }
///
/// let kept = Kept::default();
/// let exporting = SimpleSpanProcessor::new(kept.clone());
/// let provider = SdkTracerProvider::builder()
///     .with_span_processor(LogfireSpanProcessor::new(exporting).pending_spans(false))
///     .build();
/// let mut span = provider.tracer("doc").start("work");
/// span.set_status(Status::error("no luck"));
/// span.end();
///
/// let attributes: Vec<_> = kept.0.lock().unwrap()[0]
///     .attributes
///     .iter()
///     .map(|attribute| format!("{}={}", attribute.key, attribute.value))
///     .collect();
/// assert_eq!(attributes, ["logfire.span_type=span", "logfire.msg=work", "logfire.level_num=17"]);
/// ```
#[derive(Debug)]
pub struct LogfireSpanProcessor<P> {
    inner: P,
    pending_spans: bool,
    old_names: bool,
    ids: RandomIdGenerator,
}

impl<P: SpanProcessor> LogfireSpanProcessor<P> {
    /// Wraps `inner`.
    ///
    /// ```
    /// use logfire_rs_sdk::LogfireSpanProcessor;
    /// # fn example(exporting: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor) {
    /// let processor = LogfireSpanProcessor::new(exporting);
    /// # }
    /// ```
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self { inner, pending_spans: true, old_names: false, ids: RandomIdGenerator::default() }
    }

    /// Whether each span is also exported when it starts, so that Logfire shows it while it runs. Yes by default.
    ///
    /// ```
    /// # use logfire_rs_sdk::LogfireSpanProcessor;
    /// # fn example(exporting: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor) {
    /// let processor = LogfireSpanProcessor::new(exporting).pending_spans(false);
    /// # }
    /// ```
    #[must_use]
    pub fn pending_spans(mut self, pending_spans: bool) -> Self {
        self.pending_spans = pending_spans;
        self
    }

    /// Whether spans of requests and calls also have the names that the HTTP conventions had before they were stable, such
    /// as `http.method` and `http.status_code`, for backends that know those only. No by default; `configure()` reads
    /// `OTEL_SEMCONV_STABILITY_OPT_IN`. <https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/>
    ///
    /// ```
    /// # use logfire_rs_sdk::LogfireSpanProcessor;
    /// # fn example(exporting: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor) {
    /// let processor = LogfireSpanProcessor::new(exporting).old_names(true);
    /// # }
    /// ```
    #[must_use]
    pub fn old_names(mut self, old_names: bool) -> Self {
        self.old_names = old_names;
        self
    }

    fn complete(&self, span: &mut SpanData) {
        complete(span);
        if self.old_names {
            old_names::add(span);
        }
    }
}

impl<P: SpanProcessor> SpanProcessor for LogfireSpanProcessor<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.inner.on_start(span, cx);
        if self.pending_spans
            && let Some(mut pending) = pending(span, &self.ids)
        {
            self.complete(&mut pending);
            self.inner.on_end(pending);
        }
    }

    fn on_end(&self, mut span: SpanData) {
        // Tail sampling announces late.
        if !self.pending_spans && is_pending(&span) {
            return;
        }
        self.complete(&mut span);
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// The copy of a sampled span that says that it has begun: a child of it without a duration.
pub(crate) fn pending(span: &Span, ids: &RandomIdGenerator) -> Option<SpanData> {
    let span = span.exported_data().filter(|span| span.span_context.is_sampled())?;
    Some(announce(span, ids))
}

/// The same of what is known of the span.
pub(crate) fn announce(mut pending: SpanData, ids: &RandomIdGenerator) -> SpanData {
    let real = pending.span_context;
    pending.span_context = SpanContext::new(
        real.trace_id(),
        ids.new_span_id(),
        real.trace_flags(),
        false,
        real.trace_state().clone(),
    );
    let parent = std::mem::replace(&mut pending.parent_span_id, real.span_id());
    pending.parent_span_is_remote = false;
    pending.end_time = pending.start_time;
    pending.events = SpanEvents::default();
    pending.links = SpanLinks::default();
    pending.attributes.push(KeyValue::new(SPAN_TYPE, PENDING));
    // Sixteen zeros for a root.
    pending.attributes.push(KeyValue::new(PENDING_PARENT, parent.to_string()));
    pending
}

/// The span that a pending one announces, as it was when it began.
pub(crate) fn announced(mut pending: SpanData) -> SpanData {
    let parent = attribute(&pending.attributes, &[PENDING_PARENT]);
    let parent = parent.and_then(|parent| SpanId::from_hex(&parent.as_str()).ok());
    let context = &pending.span_context;
    pending.span_context = SpanContext::new(
        context.trace_id(),
        pending.parent_span_id,
        context.trace_flags(),
        false,
        context.trace_state().clone(),
    );
    pending.parent_span_id = parent.unwrap_or(SpanId::INVALID);
    pending.attributes.retain(|it| ![SPAN_TYPE, PENDING_PARENT].contains(&it.key.as_str()));
    pending
}

pub(crate) fn is_pending(span: &SpanData) -> bool {
    attribute(&span.attributes, &[SPAN_TYPE]).is_some_and(|value| value.as_str() == PENDING)
}

/// Whether a span that is encoded already is pending.
#[cfg(feature = "otlp-http")]
pub(crate) fn announces(span: &opentelemetry_proto::tonic::trace::v1::Span) -> bool {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;

    let types = span.attributes.iter().filter(|attribute| attribute.key == SPAN_TYPE);
    let mut values = types.filter_map(|attribute| attribute.value.as_ref()?.value.as_ref());
    values.any(|value| matches!(value, Value::StringValue(text) if text == PENDING))
}

/// Takes out the pending spans whose real span is in the same batch: it says everything.
#[cfg(feature = "otlp-http")]
pub(crate) fn remove_outdated_pending(batch: &mut Vec<SpanData>) {
    if batch.iter().any(is_pending) {
        let ended = batch.iter().filter(|span| !is_pending(span));
        let ended: std::collections::HashSet<_> =
            ended.map(|span| span.span_context.span_id()).collect();
        batch.retain(|span| !(is_pending(span) && ended.contains(&span.parent_span_id)));
    }
}

/// Adds type, message, level, schema and fingerprint, and makes level and status agree.
pub(crate) fn complete(span: &mut SpanData) {
    keep_last(&mut span.attributes);
    json_schema::add_bodies(&mut span.attributes);
    if text(&span.attributes, &[SPAN_TYPE]).is_none() {
        span.attributes.push(KeyValue::new(SPAN_TYPE, "span"));
    }
    if text(&span.attributes, &[MESSAGE]).is_none() {
        let message = message(span).into_owned();
        span.attributes.push(KeyValue::new(MESSAGE, message));
    }
    match (&span.status, own_level(span)) {
        (Status::Error { .. }, None) => span.attributes.push(KeyValue::new(LEVEL, LEVEL_ERROR)),
        (Status::Error { .. }, Some(..LEVEL_INFO)) => {
            span.attributes.retain(|attribute| attribute.key.as_str() != LEVEL);
            span.attributes.push(KeyValue::new(LEVEL, LEVEL_ERROR));
        }
        (Status::Unset, Some(LEVEL_ERROR..)) => span.status = Status::error(""),
        (Status::Unset, None) => {
            if let Some(level) = http_level(span) {
                span.attributes.push(KeyValue::new(LEVEL, level));
                if level == LEVEL_ERROR {
                    span.status = Status::error("");
                }
            }
        }
        _ => {}
    }
    if own_level(span).is_some_and(|level| level >= LEVEL_ERROR)
        && attribute(&span.attributes, &[FINGERPRINT]).is_none()
        && let Some(fingerprint) = fingerprint::fingerprint(span)
    {
        span.attributes.push(KeyValue::new(FINGERPRINT, fingerprint));
    }
}

/// The level that the span was given.
pub(crate) fn own_level(span: &SpanData) -> Option<i64> {
    let is_level = |attribute: &&KeyValue| attribute.key.as_str() == LEVEL;
    match span.attributes.iter().rfind(is_level)?.value {
        Value::I64(level) => Some(level),
        _ => None,
    }
}

/// The level that the span has, or will have when it is completed.
pub(crate) fn level(span: &SpanData) -> Level {
    let has_failed = matches!(span.status, Status::Error { .. });
    let level = match own_level(span) {
        None | Some(..LEVEL_INFO) if has_failed => Some(LEVEL_ERROR),
        None => http_level(span),
        own => own,
    };
    level.map(Level::at).unwrap_or_default()
}

/// The SDK adds an attribute that is set again behind the first one of its name.
fn keep_last(attributes: &mut Vec<KeyValue>) {
    let mut index = 0;
    while let Some(attribute) = attributes.get(index) {
        let later = attributes.iter().skip(index + 1);
        if later.clone().any(|it| it.key == attribute.key) {
            attributes.remove(index);
        } else {
            index += 1;
        }
    }
}

fn http_level(span: &SpanData) -> Option<i64> {
    match (&span.span_kind, status_code(&span.attributes)?) {
        (SpanKind::Server, 500..) | (SpanKind::Client, 400..) => Some(LEVEL_ERROR),
        (SpanKind::Server, 400..) => Some(LEVEL_WARN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::SystemTime,
    };

    use opentelemetry::trace::{
        Event, Span as _, SpanBuilder, TraceContextExt, Tracer, TracerProvider,
    };
    use opentelemetry_sdk::trace::{
        SdkTracer, SdkTracerProvider, SimpleSpanProcessor, SpanExporter,
    };

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().append(&mut batch);
            Ok(())
        }
    }

    /// What is exported for the spans that `work` makes.
    fn exported(pending_spans: bool, work: impl FnOnce(&SdkTracer)) -> Vec<SpanData> {
        let kept = Kept::default();
        let processor = LogfireSpanProcessor::new(SimpleSpanProcessor::new(kept.clone()));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.pending_spans(pending_spans))
            .build();
        work(&provider.tracer("test"));
        kept.0.lock().unwrap().split_off(0)
    }

    /// The `logfire.*` attributes without their prefix, and whether the status is an error.
    fn added(span: &SpanData) -> String {
        let mut text: Vec<_> = span
            .attributes
            .iter()
            .filter_map(|attribute| {
                let name = attribute.key.as_str().strip_prefix("logfire.")?;
                Some(format!("{name}={}", attribute.value))
            })
            .collect();
        if matches!(span.status, Status::Error { .. }) {
            text.push("error".to_owned());
        }
        text.join(" ")
    }

    fn of(builder: SpanBuilder) -> String {
        added(&exported(false, |tracer| drop(tracer.build(builder)))[0])
    }

    fn answered(kind: SpanKind, code: i64) -> String {
        let attributes =
            [KeyValue::new("http.response.status_code", code), KeyValue::new("x", true)];
        of(SpanBuilder::from_name("x").with_kind(kind).with_attributes(attributes))
    }

    #[test]
    fn the_level_follows_from_kind_and_status_code() {
        let usual = "span_type=span msg=x";
        assert_eq!(answered(SpanKind::Server, 200), usual);
        assert_eq!(answered(SpanKind::Server, 404), format!("{usual} level_num=13"));
        assert_eq!(answered(SpanKind::Server, 500), format!("{usual} level_num=17 error"));
        assert_eq!(answered(SpanKind::Client, 399), usual);
        assert_eq!(answered(SpanKind::Client, 400), format!("{usual} level_num=17 error"));
        assert_eq!(answered(SpanKind::Internal, 500), usual);
    }

    #[test]
    fn level_and_status_agree_and_what_is_there_stays() {
        let with = |name, value: Value| {
            let attributes = [KeyValue::new(name, value)];
            SpanBuilder::from_name("x").with_attributes(attributes)
        };
        assert_eq!(
            of(with("logfire.level_num", 17.into())),
            "level_num=17 span_type=span msg=x error"
        );
        assert_eq!(of(with("logfire.level_num", 9.into())), "level_num=9 span_type=span msg=x");
        let failed = |level: i64| {
            let spans = exported(false, |tracer| {
                let mut span = tracer.build(with("logfire.level_num", level.into()));
                span.set_status(Status::error("why"));
            });
            added(&spans[0])
        };
        assert_eq!(failed(13), "level_num=13 span_type=span msg=x error");
        assert_eq!(failed(5), "span_type=span msg=x level_num=17 error");
        assert_eq!(of(with("logfire.msg", "mine".into())), "msg=mine span_type=span");
        assert_eq!(of(with("logfire.span_type", "log".into())), "span_type=log msg=x");
        let failed = exported(false, |tracer| tracer.start("x").set_status(Status::error("why")));
        assert_eq!(added(&failed[0]), "span_type=span msg=x level_num=17 error");
    }

    #[test]
    fn an_error_has_a_fingerprint_if_the_span_failed() {
        let with = |attributes: Vec<KeyValue>| {
            let exception = vec![KeyValue::new("exception.type", "shop::Error")];
            let event = Event::new("exception", SystemTime::now(), exception, 0);
            SpanBuilder::from_name("x")
                .with_kind(SpanKind::Server)
                .with_attributes(attributes)
                .with_events(vec![event])
        };
        let code = |code: i64| KeyValue::new("http.response.status_code", code);
        let failed = of(with(vec![code(500)]));
        let (usual, fingerprint) = failed.split_once(" exception.fingerprint=").unwrap();
        assert_eq!(usual, "span_type=span msg=x level_num=17");
        // 64 digits, and ` error`.
        assert_eq!(fingerprint.len(), 70);
        assert_eq!(of(with(vec![code(404)])), "span_type=span msg=x level_num=13");
        let own = KeyValue::new("logfire.exception.fingerprint", "mine");
        assert_eq!(
            of(with(vec![code(500), own])),
            "exception.fingerprint=mine span_type=span msg=x level_num=17 error"
        );
    }

    #[test]
    fn a_span_is_announced_when_it_starts() {
        let spans = exported(true, |tracer| {
            let attributes =
                [KeyValue::new("http.request.method", "GET"), KeyValue::new("url.path", "/a")];
            let root = SpanBuilder::from_name("GET").with_attributes(attributes);
            let cx = Context::new().with_span(tracer.build_with_context(root, &Context::new()));
            tracer.start_with_context("child", &cx);
        });
        let [root_began, child_began, child, root] = spans.try_into().unwrap();
        let id = |span: &SpanData| span.span_context.span_id();
        assert_eq!(
            added(&root_began),
            "span_type=pending_span pending_parent_id=0000000000000000 msg=GET /a"
        );
        assert_eq!(
            added(&child_began),
            format!("span_type=pending_span pending_parent_id={} msg=child", id(&root))
        );
        assert_eq!(
            (root_began.parent_span_id, child_began.parent_span_id),
            (id(&root), id(&child))
        );
        assert_ne!(id(&root_began), id(&root));
        assert_eq!(root_began.end_time, root_began.start_time);
        assert_eq!(added(&root), "span_type=span msg=GET /a");
    }

    #[cfg(feature = "otlp-http")]
    #[test]
    fn an_announcement_is_outdated_when_the_span_is_in_the_same_batch() {
        let spans = exported(true, |tracer| {
            let _open = tracer.start("open");
            tracer.start("ended");
        });
        let names = |batch: &[SpanData]| -> Vec<_> {
            batch.iter().map(|span| (span.name.clone(), is_pending(span))).collect()
        };
        let [open_began, ended_began, ended, open] = spans.try_into().unwrap();
        let mut batch = vec![open_began, ended_began, ended];
        remove_outdated_pending(&mut batch);
        assert_eq!(names(&batch), [("open".into(), true), ("ended".into(), false)]);
        let mut batch = vec![open];
        remove_outdated_pending(&mut batch);
        assert_eq!(names(&batch), [("open".into(), false)]);
    }
}
