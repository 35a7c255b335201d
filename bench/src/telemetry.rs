//! The SDK 0.33, installed once per process.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::configuration::Configuration;

static PROVIDERS: OnceLock<(SdkTracerProvider, SdkMeterProvider)> = OnceLock::new();

/// Installs the global providers, and the W3C propagator, unless the configuration is without one of them.
pub fn install(configuration: Configuration) {
    if configuration == Configuration::NoSdk {
        return;
    }
    let sampler = match configuration {
        Configuration::Unsampled => Sampler::AlwaysOff,
        _ => Sampler::AlwaysOn,
    };
    let builder = SdkTracerProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_sampler(sampler);
    let tracers = match configuration {
        Configuration::Batch => builder.with_batch_exporter(Dropped).build(),
        _ => builder.with_span_processor(Dropped).build(),
    };
    let reader = PeriodicReader::builder(Dropped).with_interval(Duration::from_secs(3600)).build();
    let meters = SdkMeterProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_reader(reader)
        .build();
    let (tracers, meters) = PROVIDERS.get_or_init(|| (tracers, meters));
    if configuration != Configuration::TraceparentAlone {
        global::set_text_map_propagator(TraceContextPropagator::new());
    }
    global::set_tracer_provider(tracers.clone());
    global::set_meter_provider(meters.clone());
}

/// A tracer of the installed provider.
pub(crate) fn tracer() -> SdkTracer {
    PROVIDERS.get().expect("an installed SDK").0.tracer("bench")
}

/// The installed tracer provider.
pub(crate) fn tracers() -> Option<SdkTracerProvider> {
    PROVIDERS.get().map(|it| it.0.clone())
}

/// Frees everything at once: what an exporter does with it is not the instrumentation's.
#[derive(Debug)]
struct Dropped;

impl SpanProcessor for Dropped {
    fn on_start(&self, _: &mut Span, _: &Context) {}
    fn on_end(&self, _: SpanData) {}
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl SpanExporter for Dropped {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

impl PushMetricExporter for Dropped {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
