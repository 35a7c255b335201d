//! Processors and metric readers of the user, whose panics reach no request and no flush.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::{Context, InstrumentationScope, logs::Severity};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    logs::{LogProcessor, SdkLogRecord},
    trace::{Span, SpanData, SpanProcessor},
};

use crate::warnings::Warnings;

/// Catches the panics of a processor and tells the first.
#[derive(Debug)]
struct Guarded<P> {
    processor: P,
    warnings: Warnings,
    panicked: AtomicBool,
}

pub(crate) fn spans(
    processors: Vec<Box<dyn SpanProcessor>>,
    warnings: &Warnings,
) -> Vec<Box<dyn SpanProcessor>> {
    let guarded = |processor| Box::new(Guarded::new(processor, warnings)) as Box<dyn SpanProcessor>;
    processors.into_iter().map(guarded).collect()
}

pub(crate) fn logs(
    processors: Vec<Box<dyn LogProcessor>>,
    warnings: &Warnings,
) -> Vec<Box<dyn LogProcessor>> {
    let guarded = |processor| Box::new(Guarded::new(processor, warnings)) as Box<dyn LogProcessor>;
    processors.into_iter().map(guarded).collect()
}

impl<P> Guarded<P> {
    fn new(processor: P, warnings: &Warnings) -> Self {
        Self { processor, warnings: warnings.clone(), panicked: AtomicBool::new(false) }
    }

    fn call<T>(&self, work: impl FnOnce(&P) -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| work(&self.processor)));
        if result.is_err() && !self.panicked.swap(true, Ordering::Relaxed) {
            self.warnings.warn(&"a processor of the program panicked: it misses what it was given");
        }
        result.ok()
    }

    fn finish(&self, work: impl FnOnce(&P) -> OTelSdkResult) -> OTelSdkResult {
        self.call(work).unwrap_or_else(|| Err(panicked("a processor")))
    }
}

/// Flushes or ends metric readers: one that panics keeps nobody else from sending what there is.
pub(crate) fn readers(work: impl FnOnce() -> OTelSdkResult) -> OTelSdkResult {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked("a metric reader")))
}

fn panicked(who: &str) -> OTelSdkError {
    OTelSdkError::InternalFailure(format!("{who} panicked"))
}

impl SpanProcessor for Guarded<Box<dyn SpanProcessor>> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.call(|processor| processor.on_start(span, cx));
    }

    fn on_end(&self, span: SpanData) {
        self.call(|processor| processor.on_end(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.finish(|processor| processor.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.finish(|processor| processor.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}

impl LogProcessor for Guarded<Box<dyn LogProcessor>> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.call(|processor| processor.emit(record, scope));
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.finish(|processor| processor.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.finish(|processor| processor.shutdown_with_timeout(timeout))
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.call(|processor| processor.event_enabled(level, target, name)).unwrap_or(false)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}
