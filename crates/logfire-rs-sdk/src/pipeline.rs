//! What stands between the providers and everything that processes telemetry.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{Context, InstrumentationScope, logs::Severity};
#[cfg(feature = "otlp-http")]
use opentelemetry_sdk::metrics::{PeriodicReader, exporter::PushMetricExporter};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    logs::{LogProcessor, LoggerProviderBuilder, SdkLogRecord, SdkLoggerProvider},
    metrics::{MeterProviderBuilder, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor},
};

use crate::{
    Level, LogfireSpanProcessor, Scrubber,
    environment::Environment,
    front::{Front, LoudLogs},
    ids::Ids,
    sampling::{self, Judge, TailSampled},
};

/// The pipelines of the three signals while they are put together.
#[derive(Debug)]
pub(crate) struct Pipelines {
    pub(crate) spans: Vec<Box<dyn SpanProcessor>>,
    ids: Ids,
    /// Log records below it go nowhere.
    pub(crate) min_level: Option<Level>,
    /// For what leaves on a thread of its own, and scrubs there.
    pub(crate) scrubber: Scrubber,
    meters: MeterProviderBuilder,
    /// Otherwise no exporter of metrics need be made.
    #[cfg_attr(not(feature = "otlp-http"), expect(dead_code, reason = "nothing exports"))]
    pub(crate) has_metrics: bool,
    loggers: LoggerProviderBuilder,
}

impl Pipelines {
    /// Log records are scrubbed before anything else sees them.
    pub(crate) fn new(
        ids: Ids,
        meters: MeterProviderBuilder,
        has_metrics: bool,
        scrubber: Scrubber,
    ) -> Self {
        let loggers = LoggerProviderBuilder::default().with_log_processor(scrubber.log_processor());
        Self { spans: Vec::new(), ids, min_level: None, scrubber, meters, has_metrics, loggers }
    }

    /// Adds the processors of the user, which get scrubbed spans with what Logfire reads.
    pub(crate) fn process_spans(
        &mut self,
        processors: Vec<Box<dyn SpanProcessor>>,
        old_names: bool,
    ) {
        if !processors.is_empty() {
            let completing = LogfireSpanProcessor::new(Pipeline { processors });
            let completing = completing.pending_spans(false).old_names(old_names);
            self.spans.push(Box::new(self.scrubber.clone().wrap(completing)));
        }
    }

    #[cfg(feature = "otlp-http")]
    pub(crate) fn read_metrics(&mut self, reader: PeriodicReader<impl PushMetricExporter>) {
        self.meters = std::mem::take(&mut self.meters).with_reader(reader);
    }

    pub(crate) fn process_logs(&mut self, inner: impl LogProcessor + 'static) {
        let processor = LoudLogs { min_level: self.min_level, inner };
        self.loggers = std::mem::take(&mut self.loggers).with_log_processor(processor);
    }

    pub(crate) fn providers(
        self,
        resource: &Resource,
        (sampler, judge): (Sampler, Option<Arc<Judge>>),
        front: Front,
        env: &Environment,
    ) -> Providers {
        let pipeline = Pipeline { processors: self.spans };
        let pipeline = TailSampled::new(judge, pipeline, env.warnings.clone());
        // What is logged decides too.
        let loggers = self.loggers.with_log_processor(pipeline.log_processor());
        Providers {
            tracers: SdkTracerProvider::builder()
                .with_sampler(sampler)
                .with_id_generator(self.ids)
                .with_span_limits(sampling::span_limits(env))
                .with_resource(resource.clone())
                .with_span_processor(front.before(pipeline))
                .build(),
            meters: self.meters.with_resource(resource.clone()).build(),
            loggers: loggers.with_resource(resource.clone()).build(),
        }
    }
}

/// The providers of the three signals.
#[derive(Debug)]
pub(crate) struct Providers {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) loggers: SdkLoggerProvider,
}

impl Providers {
    /// Providers that record nothing.
    pub(crate) fn disabled() -> Self {
        Self {
            tracers: SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build(),
            meters: SdkMeterProvider::builder().build(),
            loggers: SdkLoggerProvider::builder().build(),
        }
    }
}

/// Hands each span to the console, the exporters and the user's processors, in this order.
///
/// The SDK gives every processor its own copy of an ended span. Only what stands before all of them, as this does, can
/// change a span for all of them.
#[derive(Debug)]
struct Pipeline {
    processors: Vec<Box<dyn SpanProcessor>>,
}

impl SpanProcessor for Pipeline {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        for processor in &self.processors {
            processor.on_start(span, cx);
        }
    }

    fn on_end(&self, span: SpanData) {
        if let Some((last, others)) = self.processors.split_last() {
            for processor in others {
                processor.on_end(span.clone());
            }
            last.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        combined(self.processors.iter().map(|processor| processor.force_flush()))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let started = Instant::now();
        combined(self.processors.iter().map(|processor| {
            processor.shutdown_with_timeout(timeout.saturating_sub(started.elapsed()))
        }))
    }

    fn set_resource(&mut self, resource: &Resource) {
        for processor in &mut self.processors {
            processor.set_resource(resource);
        }
    }
}

/// The log processors of the user.
#[derive(Debug)]
pub(crate) struct LogPipeline {
    pub(crate) processors: Vec<Box<dyn LogProcessor>>,
}

impl LogProcessor for LogPipeline {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        for processor in &self.processors {
            processor.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        combined(self.processors.iter().map(|processor| processor.force_flush()))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let started = Instant::now();
        combined(self.processors.iter().map(|processor| {
            processor.shutdown_with_timeout(timeout.saturating_sub(started.elapsed()))
        }))
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.processors.iter().any(|processor| processor.event_enabled(level, target, name))
    }

    fn set_resource(&mut self, resource: &Resource) {
        for processor in &mut self.processors {
            processor.set_resource(resource);
        }
    }
}

/// Every processor has its turn, whatever the one before answers.
fn combined(results: impl Iterator<Item = OTelSdkResult>) -> OTelSdkResult {
    let errors: Vec<_> = results.filter_map(Result::err).map(|error| error.to_string()).collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(OTelSdkError::InternalFailure(errors.join("; "))),
    }
}
