//! The one span processor that the tracer provider sees.

use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanProcessor},
};

/// Hands each span to the console, the exporters and the user's processors, in this order.
///
/// The SDK gives every processor its own copy of an ended span. Only what stands before all of them, as this does, can
/// change a span for all of them.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) processors: Vec<Box<dyn SpanProcessor>>,
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

/// Every processor has its turn, whatever the one before answers.
fn combined(results: impl Iterator<Item = OTelSdkResult>) -> OTelSdkResult {
    let errors: Vec<_> = results.filter_map(Result::err).map(|error| error.to_string()).collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(OTelSdkError::InternalFailure(errors.join("; "))),
    }
}
