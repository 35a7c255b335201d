//! The wrappers that scrub what passes.

use std::time::Duration;

use opentelemetry::{
    Context, InstrumentationScope,
    logs::{Logger, LoggerProvider},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};

use super::Scrubber;

/// A span exporter or span processor that gets everything scrubbed; made by [`Scrubber::wrap`].
///
/// ```
/// use logfire_rs_sdk::{Scrubbed, Scrubbing};
/// # fn example<P: logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor>(
/// #     processor: P,
/// # ) -> Result<(), logfire_rs_sdk::ConfigureError> {
/// let processor: Scrubbed<P> = Scrubbing::default().scrubber()?.wrap(processor);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scrubbed<T> {
    scrubber: Scrubber,
    inner: T,
}

impl<T> Scrubbed<T> {
    pub(super) const fn new(scrubber: Scrubber, inner: T) -> Self {
        Self { scrubber, inner }
    }
}

impl<P: SpanProcessor> SpanProcessor for Scrubbed<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.inner.on_start(span, cx);
    }

    fn on_end(&self, mut span: SpanData) {
        self.scrubber.span(&mut span);
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(&self.scrubber.resource(resource));
    }
}

impl<E: SpanExporter> SpanExporter for Scrubbed<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(|span| self.scrubber.span(span));
        self.inner.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(&self.scrubber.resource(resource));
    }
}

/// Scrubs log records for the log processors that are added after it; made by [`Scrubber::log_processor`].
///
/// ```
/// use logfire_rs_sdk::{ScrubbingLogProcessor, Scrubbing};
///
/// let processor: ScrubbingLogProcessor = Scrubbing::default().scrubber()?.log_processor();
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Debug)]
pub struct ScrubbingLogProcessor {
    scrubber: Scrubber,
    /// Makes records, which have no public constructor.
    records: SdkLogger,
}

impl ScrubbingLogProcessor {
    pub(super) fn new(scrubber: Scrubber) -> Self {
        Self { scrubber, records: SdkLoggerProvider::builder().build().logger("scrubbing") }
    }
}

impl LogProcessor for ScrubbingLogProcessor {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        if let Some(scrubbed) = self.scrubber.log(record, || self.records.create_log_record()) {
            *record = scrubbed;
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Whether a record is wanted is for the others to say.
    fn event_enabled(
        &self,
        _level: opentelemetry::logs::Severity,
        _target: &str,
        _name: Option<&str>,
    ) -> bool {
        false
    }
}
