//! What the fuzz targets share: hostile headers, a secret to plant, and providers that keep what is recorded.

use arbitrary::{Arbitrary, Unstructured};
use logfire_rs_core::{HeaderValue, Headers};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, InMemoryMetricExporterBuilder, PeriodicReader, SdkMeterProvider,
    Temporality,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use std::time::Duration;

/// What is planted, and must not come out again.
pub const SECRET: &str = "hunter2hunter2";

/// The query keys whose values are masked by default.
pub const SECRET_KEYS: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
];

/// Names that mean something to somebody here; any other is a token of the fuzzer.
const NAMES: [&str; 17] = [
    "host",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "traceparent",
    "tracestate",
    "baggage",
    "user-agent",
    "content-length",
    "content-type",
    "content-encoding",
    "origin",
    "sec-fetch-site",
    "access-control-request-method",
    "access-control-request-headers",
    "referer",
];

/// Header lines as a server passes them on: names are tokens in lower case, values have no controls.
#[derive(Debug, Default)]
pub struct Lines(pub Vec<(String, Vec<u8>, bool)>);

impl<'a> Arbitrary<'a> for Lines {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut lines = Self::default();
        while lines.0.len() < 12 && u.arbitrary::<bool>()? {
            let name = match NAMES.get(usize::from(u.int_in_range(0..=20u8)?)) {
                Some(name) => (*name).to_owned(),
                None => token(u.arbitrary()?),
            };
            let value: &[u8] = u.arbitrary()?;
            let legal = |it: &u8| *it == b'\t' || *it >= b' ' && *it != 0x7f;
            let value: Vec<u8> = value.iter().copied().filter(legal).collect();
            lines.0.push((name, value, false));
        }
        Ok(lines)
    }
}

/// The characters of `text` that a header name may have, in lower case; `x` if there are none.
pub fn token(text: &str) -> String {
    let legal = |it: &char| it.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*it);
    let token: String = text.chars().filter(legal).collect();
    if token.is_empty() { "x".to_owned() } else { token.to_ascii_lowercase() }
}

impl Lines {
    pub fn add(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), value.into(), false));
    }

    /// A line whose value the framework marks as secret.
    pub fn add_sensitive(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), value.into(), true));
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, HeaderValue<'_>)> {
        self.0.iter().map(|(name, bytes, sensitive)| {
            (name.as_str(), HeaderValue { bytes, sensitive: *sensitive })
        })
    }
}

impl Headers for Lines {
    fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
        self.pairs().find(|it| it.0 == name).map(|it| it.1)
    }
    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
        self.pairs().filter(|it| it.0 == name).for_each(|it| visit(it.1));
    }
    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
        self.pairs().for_each(|it| visit(it.0, it.1));
    }
}

/// Providers that keep what is recorded until it is taken.
pub struct Telemetry {
    spans: InMemorySpanExporter,
    pub tracers: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    pub meters: SdkMeterProvider,
}

impl Default for Telemetry {
    fn default() -> Self {
        let spans = InMemorySpanExporter::default();
        let metrics =
            InMemoryMetricExporterBuilder::new().with_temporality(Temporality::Delta).build();
        // Read only when it is asked for.
        let day = Duration::from_secs(24 * 3600);
        let reader = PeriodicReader::builder(metrics.clone()).with_interval(day).build();
        Self {
            tracers: SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build(),
            meters: SdkMeterProvider::builder().with_reader(reader).build(),
            spans,
            metrics,
        }
    }
}

/// One series of a metric, since the one before was taken.
#[derive(Debug)]
pub struct Series {
    pub name: String,
    pub attributes: Vec<KeyValue>,
    /// How many measurements, or the sum.
    pub value: i64,
}

impl Telemetry {
    /// The spans that have ended since this was called before.
    pub fn take_spans(&self) -> Vec<SpanData> {
        let spans = self.spans.get_finished_spans().expect("the exporter keeps them");
        self.spans.reset();
        spans
    }

    /// What was measured since this was called before; sums that only go up and down are whole.
    pub fn take_series(&self) -> Vec<Series> {
        self.metrics.reset();
        self.meters.force_flush().expect("there is a reader");
        let metrics = self.metrics.get_finished_metrics().expect("the exporter keeps them");
        let mut all = Vec::new();
        for metric in metrics.iter().flat_map(|it| it.scope_metrics()).flat_map(|it| it.metrics()) {
            let mut add = |attributes: Vec<KeyValue>, value| {
                all.push(Series { name: metric.name().to_owned(), attributes, value });
            };
            match metric.data() {
                AggregatedMetrics::F64(MetricData::Histogram(data)) => {
                    for point in data.data_points() {
                        add(point.attributes().cloned().collect(), point.count() as i64);
                    }
                }
                AggregatedMetrics::I64(MetricData::Sum(data)) => {
                    for point in data.data_points() {
                        add(point.attributes().cloned().collect(), point.value());
                    }
                }
                other => panic!("{} is of another kind: {other:?}", metric.name()),
            }
        }
        all
    }
}

/// The attribute of a span.
pub fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|it| it.key.as_str() == key).map(|it| &it.value)
}

/// Panics if the secret, or most of it, is anywhere in what `shown` prints.
pub fn assert_no_secret(shown: &dyn std::fmt::Debug) {
    let text = format!("{shown:?}");
    assert!(!text.contains(&SECRET[..10]), "a secret came out: {text}");
}

/// The input that `data` makes; none if something of it could be taken for the secret, which proves nothing.
pub fn input<'a, T: Arbitrary<'a>>(data: &'a [u8]) -> Option<T> {
    let letters: Vec<u8> = data.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let part = &SECRET.as_bytes()[..4];
    if letters.windows(part.len()).any(|it| it.eq_ignore_ascii_case(part)) {
        return None;
    }
    T::arbitrary_take_rest(Unstructured::new(data)).ok()
}

/// Panics unless `masked` is `query` with the values of some pairs replaced, and nothing else changed.
pub fn assert_only_values_replaced(query: &str, masked: &str) {
    let (before, after): (Vec<_>, Vec<_>) =
        (query.split('&').collect(), masked.split('&').collect());
    assert_eq!(before.len(), after.len(), "{query} -> {masked}");
    for (before, after) in before.into_iter().zip(after) {
        let kept = after.strip_suffix("REDACTED").filter(|it| it.ends_with('='));
        let replaced = kept.is_some_and(|kept| before.starts_with(kept));
        assert!(before == after || replaced, "{before} -> {after}");
    }
}
