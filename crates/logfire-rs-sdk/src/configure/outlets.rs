//! What else gets the telemetry: the console, and what the user adds.

use opentelemetry_sdk::{
    logs::LogProcessor,
    metrics::{Instrument, Stream, reader::MetricReader},
    trace::SpanProcessor,
};

use crate::{Configuration, ConsoleOptions};

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

    /// Keeps what cannot be delivered in files below this directory, until the destination is back, also if that is
    /// after a restart.
    ///
    /// Files are readable for their owner only and hold no token, but what was recorded. Those of one destination have at
    /// most 512 MiB, of which the oldest are dropped. One process at a time uses a directory.
    /// Environment: `LOGFIRE_SPOOL_DIR`. None by default: what cannot be delivered for 5 minutes is lost.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().spool("/var/lib/shop/telemetry");
    /// ```
    #[cfg(feature = "otlp-http")]
    pub fn spool(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
        self.logfire.spool = Some(directory.into());
        self
    }

    /// Adds a span processor, which sees each span after the console and the exporters, with message and level as
    /// [`LogfireSpanProcessor`](crate::LogfireSpanProcessor) adds them.
    ///
    /// An ended span is scrubbed. `on_start` is given the span itself, as it was started and not scrubbed, so that it can
    /// add to it: let nothing that it reads there leave the process. If the processor panics, it misses what it was given,
    /// which is told once. None by default.
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
        self.processors.push(Box::new(processor));
        self
    }

    /// Adds a log processor, which sees each record scrubbed, before the console and the exporters, and may change it
    /// for them. None by default.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::{InstrumentationScope, logs::LogRecord};
    /// use logfire_rs_sdk::opentelemetry_sdk::{error::OTelSdkResult, logs::{LogProcessor, SdkLogRecord}};
    ///
    /// #[derive(Debug)]
    /// struct Team;
    ///
    /// impl LogProcessor for Team {
    ///     fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
    ///         record.add_attribute("team", "payments");
    ///     }
    ///
    ///     fn force_flush(&self) -> OTelSdkResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let configuration = logfire_rs_sdk::configure().add_log_processor(Team);
    /// ```
    pub fn add_log_processor(mut self, processor: impl LogProcessor + 'static) -> Self {
        self.log_processors.push(Box::new(processor));
        self
    }

    /// Whether there are metrics. Yes by default; without, readers that were added get none either.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().metrics(false);
    /// ```
    pub fn metrics(mut self, metrics: bool) -> Self {
        self.metrics.off = !metrics;
        self
    }

    /// Adds a reader of metrics, for example that of a Prometheus exporter, beside those that export. None by default.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry_sdk::metrics::ManualReader;
    ///
    /// let configuration = logfire_rs_sdk::configure().add_metric_reader(ManualReader::builder().build());
    /// ```
    pub fn add_metric_reader(mut self, reader: impl MetricReader) -> Self {
        self.metrics.add_reader(reader);
        self
    }

    /// Adds a view, which changes what becomes of the instruments for which it returns a stream. None by default.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry_sdk::metrics::{Aggregation, Instrument, Stream};
    ///
    /// // No metrics of body sizes.
    /// let configuration = logfire_rs_sdk::configure().add_metric_view(|instrument: &Instrument| {
    ///     let drop = Stream::builder().with_aggregation(Aggregation::Drop);
    ///     instrument.name().ends_with("body.size").then(|| drop.build().ok())?
    /// });
    /// ```
    pub fn add_metric_view(
        mut self,
        view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static,
    ) -> Self {
        self.metrics.add_view(view);
        self
    }

    /// Whether histograms are exponential: exact at every scale, where explicit buckets know only theirs.
    ///
    /// By default if metrics go to Logfire and no reader was added, since that may know explicit buckets only, as
    /// Prometheus does. Instruments for which a view was added keep that.
    /// Environment: `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` (`explicit_bucket_histogram`,
    /// `base2_exponential_bucket_histogram`).
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().exponential_histograms(true);
    /// ```
    pub fn exponential_histograms(mut self, exponential: bool) -> Self {
        self.metrics.exponential_histograms = Some(exponential);
        self
    }
}
