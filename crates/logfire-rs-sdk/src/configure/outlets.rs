//! What else gets the telemetry: the console, and what the user adds.

use opentelemetry_sdk::trace::SpanProcessor;

use crate::{Configuration, ConsoleOptions, LogfireSpanProcessor};

impl Configuration {
    /// What the console shows; `true` and `false` turn it on and off.
    ///
    /// Environment: `LOGFIRE_CONSOLE` (`true`, `false`), and those of [`ConsoleOptions`]. On by default.
    ///
    /// ```
    /// use logfire_rs_sdk::ConsoleOptions;
    ///
    /// let configuration = logfire_rs_sdk::configure().console(false);
    /// let configuration = logfire_rs_sdk::configure().console(ConsoleOptions::default().timestamps(false));
    /// ```
    pub fn console(mut self, console: impl Into<ConsoleOptions>) -> Self {
        self.console = console.into();
        self
    }

    /// Adds a span processor, which sees each span after the console and the exporters, with message and level as
    /// [`LogfireSpanProcessor`](crate::LogfireSpanProcessor) adds them.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry_sdk::trace::SimpleSpanProcessor;
    /// # #[derive(Debug)]
    /// # struct MyExporter;
    /// # impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanExporter for MyExporter {
    /// #     async fn export(
    /// #         &self,
    /// #         _: Vec<logfire_rs_sdk::opentelemetry_sdk::trace::SpanData>,
    /// #     ) -> logfire_rs_sdk::opentelemetry_sdk::error::OTelSdkResult {
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// let configuration = logfire_rs_sdk::configure().add_span_processor(SimpleSpanProcessor::new(MyExporter));
    /// ```
    pub fn add_span_processor(mut self, processor: impl SpanProcessor + 'static) -> Self {
        let processor = LogfireSpanProcessor::new(processor).pending_spans(false);
        self.processors.push(Box::new(processor));
        self
    }
}
