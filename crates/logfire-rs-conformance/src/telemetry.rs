//! Providers that keep what is recorded, without globals.

use std::time::Duration;

use logfire_rs_core::{HttpClientOptions, HttpServerOptions};
use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider, SpanData,
};

/// An SDK of its own for one test.
#[derive(Clone, Debug)]
pub struct Telemetry {
    spans: InMemorySpanExporter,
    tracer_provider: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    meter_provider: SdkMeterProvider,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
    }
}

impl Telemetry {
    /// An SDK that samples in this way.
    #[must_use]
    pub fn with_sampler(sampler: Sampler) -> Self {
        let spans = InMemorySpanExporter::default();
        let tracer_provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_simple_exporter(spans.clone())
            .build();
        let metrics = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(metrics.clone())
            .with_interval(Duration::from_secs(3600))
            .build();
        let meter_provider = SdkMeterProvider::builder().with_reader(reader).build();
        Self { spans, tracer_provider, metrics, meter_provider }
    }

    /// Options that report here, and know no environment.
    #[must_use]
    pub fn server_options(&self) -> HttpServerOptions {
        HttpServerOptions::default()
            .tracer_provider(self.tracer_provider.clone())
            .meter_provider(self.meter_provider.clone())
            .env_lookup(|_| None)
    }

    /// Options that report here, and know no environment.
    #[must_use]
    pub fn client_options(&self) -> HttpClientOptions {
        HttpClientOptions::default()
            .tracer_provider(self.tracer_provider.clone())
            .meter_provider(self.meter_provider.clone())
            .env_lookup(|_| None)
    }

    /// A tracer for the spans of the application itself.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.tracer_provider.tracer("application")
    }

    /// The spans that ended so far.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }

    /// Waits until `count` spans of servers ended, and gives all spans.
    ///
    /// # Panics
    ///
    /// If they do not end within half a minute.
    pub async fn server_spans(&self, count: usize) -> Vec<SpanData> {
        for _ in 0..3000 {
            let spans = self.spans();
            if spans.iter().filter(|it| it.span_kind == SpanKind::Server).count() >= count {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {count} server spans, but {:#?}", self.spans());
    }

    /// The metrics so far.
    ///
    /// # Panics
    ///
    /// If they cannot be collected.
    #[must_use]
    pub fn metrics(&self) -> Vec<ResourceMetrics> {
        self.metrics.reset();
        self.meter_provider.force_flush().unwrap();
        self.metrics.get_finished_metrics().unwrap()
    }
}
