//! What was recorded, as values.

use std::ops::Deref;

use opentelemetry_sdk::{logs::SdkLogRecord, metrics::data::ResourceMetrics, trace::SpanData};

/// What was recorded; as text, without what differs from run to run.
///
/// The text has the spans as trees, each with its attributes in the order of their names, its events (`!`), its links
/// (`>`), its logs (`-`) and its children; then the logs of no span, then the metrics. The ports of sockets are
/// `<port>`. It is made to be compared as a whole, for example with [insta](https://docs.rs/insta).
///
/// ```
/// use logfire_rs_sdk::{
///     opentelemetry::{KeyValue, trace::{Span, Tracer, TracerProvider}},
///     testing::Recorder,
/// };
///
/// let recorder = Recorder::default();
/// let tracer = recorder.tracer_provider().tracer("doc");
/// tracer.in_span("request", |_| {
///     let mut work = tracer.start("work");
///     work.set_attribute(KeyValue::new("items", 3));
///     work.add_event("sold", vec![]);
/// });
/// let expected = "\
/// request [internal]
///   work [internal]
///       items = 3
///     ! sold
/// ";
/// assert_eq!(recorder.captured().to_string(), expected);
/// ```
#[derive(Debug)]
pub struct Captured {
    /// The spans, in the order in which they ended.
    pub spans: Spans,
    /// The metrics.
    pub metrics: Metrics,
    /// The logs, in their order.
    pub logs: Logs,
}

/// Spans, in the order in which they ended; a slice that can be shown. Some of them can be collected again.
///
/// ```
/// use logfire_rs_sdk::opentelemetry::trace::{SpanKind, Tracer, TracerProvider};
/// use logfire_rs_sdk::testing::{Recorder, Spans};
///
/// let recorder = Recorder::default();
/// recorder.tracer_provider().tracer("doc").in_span("work", |_| ());
/// let spans = recorder.captured().spans;
/// assert_eq!((spans.len(), spans.to_string()), (1, "work [internal]\n".to_owned()));
/// let servers: Spans = spans.iter().filter(|it| it.span_kind == SpanKind::Server).cloned().collect();
/// assert!(servers.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Spans(pub(super) Vec<SpanData>);

/// Metrics, one item for each resource; a slice that can be shown.
///
/// ```
/// let captured = logfire_rs_sdk::testing::Recorder::default().captured();
/// assert_eq!((captured.metrics.len(), captured.metrics.to_string()), (0, String::new()));
/// ```
#[derive(Debug)]
pub struct Metrics(pub(super) Vec<ResourceMetrics>);

/// Logs, in their order; a slice that can be shown.
///
/// ```
/// let captured = logfire_rs_sdk::testing::Recorder::default().captured();
/// assert_eq!((captured.logs.len(), captured.logs.to_string()), (0, String::new()));
/// ```
#[derive(Clone, Debug)]
pub struct Logs(pub(super) Vec<SdkLogRecord>);

impl Deref for Spans {
    type Target = [SpanData];

    fn deref(&self) -> &[SpanData] {
        &self.0
    }
}

impl FromIterator<SpanData> for Spans {
    fn from_iter<I: IntoIterator<Item = SpanData>>(spans: I) -> Self {
        Self(spans.into_iter().collect())
    }
}

impl IntoIterator for Spans {
    type Item = SpanData;
    type IntoIter = std::vec::IntoIter<SpanData>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Deref for Metrics {
    type Target = [ResourceMetrics];

    fn deref(&self) -> &[ResourceMetrics] {
        &self.0
    }
}

impl Deref for Logs {
    type Target = [SdkLogRecord];

    fn deref(&self) -> &[SdkLogRecord] {
        &self.0
    }
}
