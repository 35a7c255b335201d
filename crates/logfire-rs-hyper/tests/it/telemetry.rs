//! What a client records, kept in memory, without globals.

use std::time::Duration;

use logfire_rs_hyper::HttpClientOptions;
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

pub(crate) struct Telemetry {
    tracer_provider: SdkTracerProvider,
    spans: InMemorySpanExporter,
    meter_provider: SdkMeterProvider,
    metrics: InMemoryMetricExporter,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        let (spans, metrics) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
        let tracer_provider =
            SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
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

    /// The spans that have ended since it was asked last.
    pub(crate) fn take(&self) -> Vec<SpanData> {
        let spans = self.spans.get_finished_spans().unwrap();
        self.spans.reset();
        spans
    }

    /// The points of the metrics of connections that are not zero.
    fn connections(&self) -> Vec<String> {
        self.metrics.reset();
        self.meter_provider.force_flush().unwrap();
        let finished = self.metrics.get_finished_metrics().unwrap();
        let mut lines = Vec::new();
        let scopes = finished.iter().flat_map(ResourceMetrics::scope_metrics);
        for metric in scopes.flat_map(ScopeMetrics::metrics) {
            match (metric.name(), metric.data()) {
                ("http.client.open_connections", AggregatedMetrics::I64(MetricData::Sum(sum))) => {
                    assert_eq!(metric.unit(), "{connection}");
                    for point in sum.data_points().filter(|it| it.value() != 0) {
                        lines.push(format!("{} {}", point.value(), set(point.attributes())));
                    }
                }
                (
                    "http.client.connection.duration",
                    AggregatedMetrics::F64(MetricData::Histogram(histogram)),
                ) => {
                    assert_eq!(metric.unit(), "s");
                    for point in histogram.data_points() {
                        assert_eq!(point.bounds().last(), Some(300.0));
                        lines.push(format!("closed {} {}", point.count(), set(point.attributes())));
                    }
                }
                _ => {}
            }
        }
        lines.sort();
        lines
    }

    /// Waits until the metrics of connections are `expected`; `{server}` stands for the server.
    pub(crate) async fn connections_become(&self, port: u16, expected: &[&str]) {
        let server = format!("server.address=127.0.0.1 server.port={port}");
        let expected: Vec<_> = expected.iter().map(|it| it.replace("{server}", &server)).collect();
        for _ in 0..3000 {
            if self.connections() == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.connections(), expected);
    }
}

fn set<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut pairs: Vec<_> = attributes.map(|it| format!("{}={}", it.key, it.value)).collect();
    pairs.sort();
    pairs.join(" ")
}

/// The value of the attribute `key`, as text.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|it| it.key.as_str() == key).map(|it| it.value.to_string())
}
