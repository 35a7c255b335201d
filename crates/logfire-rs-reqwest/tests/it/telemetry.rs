//! What a client records, kept in memory, without globals.

use std::fmt::Write as _;

use logfire_rs_reqwest::{Client, HttpClientOptions};
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};

pub(crate) struct Telemetry {
    pub(crate) tracer_provider: SdkTracerProvider,
    pub(crate) spans: InMemorySpanExporter,
    meter_provider: SdkMeterProvider,
    metrics: InMemoryMetricExporter,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        Self::with_sampler(Sampler::AlwaysOn)
    }

    pub(crate) fn with_sampler(sampler: Sampler) -> Self {
        let (spans, metrics) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
        let tracer_provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .with_sampler(sampler)
            .build();
        let reader = PeriodicReader::builder(metrics.clone()).build();
        let meter_provider = SdkMeterProvider::builder().with_reader(reader).build();
        Self { tracer_provider, spans, meter_provider, metrics }
    }

    /// The defaults, whatever the environment of the test says.
    pub(crate) fn options(&self) -> HttpClientOptions {
        HttpClientOptions::default()
            .tracer_provider(self.tracer_provider.clone())
            .meter_provider(self.meter_provider.clone())
            .env_lookup(|_| None)
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(self.options())
    }

    pub(crate) fn client_with(&self, options: HttpClientOptions) -> Client {
        logfire_rs_reqwest::instrument_with(plain(), options)
    }

    /// The spans that have ended since it was asked last.
    pub(crate) fn take(&self) -> Vec<SpanData> {
        let spans = self.spans.get_finished_spans().unwrap();
        self.spans.reset();
        spans
    }

    pub(crate) fn one(&self) -> SpanData {
        let mut spans = self.take();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }

    /// Each point of each metric, as one line of text; times are left out.
    pub(crate) fn metrics(&self) -> Vec<String> {
        self.meter_provider.force_flush().unwrap();
        let finished = self.metrics.get_finished_metrics().unwrap();
        let mut lines = Vec::new();
        let Some(last) = finished.last() else { return lines };
        for metric in last.scope_metrics().flat_map(|it| it.metrics().collect::<Vec<_>>()) {
            let name = metric.name();
            let mut add = |value: String, attributes: Vec<String>| {
                let mut attributes = attributes;
                attributes.sort();
                lines.push(format!("{name} {value} {}", attributes.join(" ")).trim().to_owned());
            };
            match metric.data() {
                AggregatedMetrics::F64(MetricData::Histogram(data)) => {
                    for point in data.data_points() {
                        assert_eq!(point.bounds().count(), 14);
                        assert!(point.sum() > 0.0);
                        add(format!("count={}", point.count()), pairs(point.attributes()));
                    }
                }
                AggregatedMetrics::U64(MetricData::Histogram(data)) => {
                    for point in data.data_points() {
                        add(format!("sum={}", point.sum()), pairs(point.attributes()));
                    }
                }
                AggregatedMetrics::I64(MetricData::Sum(data)) => {
                    for point in data.data_points() {
                        add(format!("value={}", point.value()), pairs(point.attributes()));
                    }
                }
                other => panic!("{name} is a {other:?}"),
            }
        }
        lines.sort();
        lines
    }
}

pub(crate) fn plain() -> reqwest::Client {
    builder().build().unwrap()
}

/// Without the proxy of the environment, and with a library for TLS.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

fn pairs<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> Vec<String> {
    attributes.map(|it| format!("{}={}", it.key, it.value)).collect()
}

/// The value of the attribute `key`, as text.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|it| it.key.as_str() == key);
    let value = found.next().map(|it| it.value.to_string());
    assert!(found.next().is_none(), "{key} is there twice");
    value
}

/// A span as text; `port` is the server's, which is another one in each run.
pub(crate) fn shown(span: &SpanData, port: u16) -> String {
    let mut text = format!("{:?} {}", span.span_kind, span.name);
    match &span.status {
        Status::Unset => {}
        Status::Ok => text.push_str(" Ok"),
        Status::Error { description } => write!(text, " Error {description:?}").unwrap(),
    }
    let mut attributes = pairs(span.attributes.iter());
    attributes.sort();
    for line in attributes {
        write!(text, "\n  {line}").unwrap();
    }
    for event in &span.events.events {
        write!(text, "\n  event {}: {}", event.name, pairs(event.attributes.iter()).join(" "))
            .unwrap();
    }
    text.replace(&port.to_string(), "PORT")
}

pub(crate) fn is_child_of(child: &SpanData, parent: SpanId) -> bool {
    child.parent_span_id == parent
}
