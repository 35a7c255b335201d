//! What Logfire reads from a span beside the conventions: its message, its level, and that it has begun.
//!
//! The rules are those of Logfire's Python SDK 4.41.

mod complete;
mod pending;

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{RandomIdGenerator, Span, SpanData, SpanProcessor},
};

use crate::old_names;
pub(crate) use complete::{complete, level, own_level};
pub(crate) use pending::{announce, announced, is_pending, pending};
#[cfg(feature = "otlp-http")]
pub(crate) use pending::{announces, remove_outdated_pending};

pub(crate) const LEVEL: &str = "logfire.level_num";
const SPAN_TYPE: &str = "logfire.span_type";

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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::{
        KeyValue,
        trace::{SpanBuilder, Status, TraceContextExt, Tracer, TracerProvider},
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
    pub(super) fn exported(pending_spans: bool, work: impl FnOnce(&SdkTracer)) -> Vec<SpanData> {
        let kept = Kept::default();
        let processor = LogfireSpanProcessor::new(SimpleSpanProcessor::new(kept.clone()));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.pending_spans(pending_spans))
            .build();
        work(&provider.tracer("test"));
        kept.0.lock().unwrap().split_off(0)
    }

    /// The `logfire.*` attributes without their prefix, and whether the status is an error.
    pub(super) fn added(span: &SpanData) -> String {
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
}
