//! What the program adds: metric readers and views, log processors, ids.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use logfire_rs_sdk::{
    Configuration, ConsoleOptions, Logfire,
    opentelemetry::{
        Context, InstrumentationScope,
        logs::{LogRecord, Logger, LoggerProvider},
        metrics::MeterProvider,
        trace::{Span, SpanId, TraceId, Tracer, TracerProvider},
    },
    opentelemetry_sdk::{
        error::OTelSdkResult,
        logs::{LogProcessor, SdkLogRecord},
        metrics::{
            Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, Stream, Temporality,
            data::ResourceMetrics, reader::MetricReader,
        },
        trace::{IdGenerator, Span as SdkSpan, SpanData, SpanProcessor},
    },
};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    common::v1::any_value::Value,
    metrics::v1::metric::Data,
};
use prost::Message;

use crate::{Text, Variables, local, local_with, receiver::Receiver};

/// A reader that the test reads.
#[derive(Clone, Debug)]
struct Scrape(Arc<ManualReader>);

impl Default for Scrape {
    fn default() -> Self {
        Self(Arc::new(ManualReader::builder().build()))
    }
}

impl Scrape {
    fn names(&self) -> Vec<String> {
        let mut metrics = ResourceMetrics::default();
        self.0.collect(&mut metrics).unwrap();
        let scopes = metrics.scope_metrics();
        scopes.flat_map(|scope| scope.metrics().map(|it| it.name().to_owned())).collect()
    }
}

impl MetricReader for Scrape {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

fn record(logfire: &Logfire) {
    let meter = logfire.meter_provider().meter("test");
    meter.f64_histogram("duration").build().record(0.3, &[]);
    meter.u64_counter("orders").build().add(2, &[]);
}

/// `name kind` of each metric that arrives, sorted, for a configuration that sends to this address.
fn arrived(configuration: impl FnOnce(&str) -> Configuration) -> Vec<String> {
    let receiver = Receiver::start();
    let logfire = configuration(&receiver.url()).finish().unwrap();
    record(&logfire);
    logfire.shutdown().unwrap();
    let metrics = receiver.received().into_iter().filter(|it| it.line.contains("/v1/metrics"));
    let mut lines: Vec<_> = metrics
        .flat_map(|it| ExportMetricsServiceRequest::decode(&*it.body).unwrap().resource_metrics)
        .flat_map(|resource| resource.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .map(|metric| match metric.data.unwrap() {
            Data::Histogram(_) => format!("{} explicit", metric.name),
            Data::ExponentialHistogram(_) => format!("{} exponential", metric.name),
            _ => metric.name,
        })
        .collect();
    lines.sort();
    lines
}

fn to_logfire(variables: Variables, url: &str) -> Configuration {
    local(variables).0.token("pylf_v1_us_test").base_url(url)
}

fn to_collector(variables: &[(&str, &str)], url: &str) -> Configuration {
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", url)];
    let variables = variables.iter().chain(&endpoint);
    let owned = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    local_with(owned.collect()).0
}

const AGGREGATION: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

#[test]
fn histograms_are_exponential_for_logfire() {
    let exponential = ["duration exponential", "orders"];
    let explicit = ["duration explicit", "orders"];
    assert_eq!(arrived(|url| to_logfire(&[], url)), exponential);
    assert_eq!(arrived(|url| to_collector(&[], url)), explicit);

    let variables = &[(AGGREGATION, "base2_exponential_bucket_histogram")];
    assert_eq!(arrived(|url| to_collector(variables, url)), exponential);
    assert_eq!(arrived(|url| to_collector(variables, url).exponential_histograms(false)), explicit);
    let variables: Variables = &[(AGGREGATION, "explicit_bucket_histogram")];
    assert_eq!(arrived(|url| to_logfire(variables, url)), explicit);
    // A reader that was added may not know them.
    assert_eq!(arrived(|url| to_logfire(&[], url).add_metric_reader(Scrape::default())), explicit);
}

#[test]
fn views_change_what_arrives_and_each_instrument_has_one_stream() {
    let slow_only = |instrument: &Instrument| {
        let aggregation =
            Aggregation::ExplicitBucketHistogram { boundaries: vec![1.0], record_min_max: true };
        let stream = Stream::builder().with_name("slow").with_aggregation(aggregation);
        (instrument.name() == "duration").then(|| stream.build().ok())?
    };
    let no_orders = |instrument: &Instrument| {
        let stream = Stream::builder().with_aggregation(Aggregation::Drop);
        (instrument.name() == "orders").then(|| stream.build().ok())?
    };
    assert_eq!(
        arrived(|url| to_logfire(&[], url).add_metric_view(slow_only).add_metric_view(no_orders)),
        ["slow explicit"]
    );
}

#[test]
fn a_reader_sees_what_is_exported_too() {
    let scrape = Scrape::default();
    let reader = scrape.clone();
    let receiver = Receiver::start();
    let logfire = to_logfire(&[], &receiver.url()).add_metric_reader(reader).finish().unwrap();
    record(&logfire);
    assert_eq!(scrape.names(), ["duration", "orders"]);
    logfire.shutdown().unwrap();
    assert!(receiver.received().iter().any(|it| it.line.contains("/v1/metrics")));
}

#[test]
fn metrics_can_be_off() {
    let scrape = Scrape::default();
    let reader = scrape.clone();
    assert_eq!(
        arrived(|url| to_logfire(&[], url).metrics(false).add_metric_reader(reader)),
        [""; 0]
    );
    let logfire = local(&[]).0.metrics(false).add_metric_reader(scrape.clone()).finish().unwrap();
    record(&logfire);
    assert!(scrape.0.collect(&mut ResourceMetrics::default()).is_err(), "it has no provider");
    logfire.shutdown().unwrap();
}

#[derive(Debug)]
struct Team;

impl LogProcessor for Team {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        record.add_attribute("team", "payments");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_log_processor_changes_records_for_console_and_export() {
    let (receiver, text) = (Receiver::start(), Text::default());
    let console = ConsoleOptions::default().timestamps(false).writer(text.clone());
    let configuration = to_logfire(&[], &receiver.url()).console(console);
    let logfire = configuration.add_log_processor(Team).finish().unwrap();
    let logger = logfire.logger_provider().logger("test");
    let mut record = logger.create_log_record();
    record.set_body("sold".into());
    logger.emit(record);
    logfire.shutdown().unwrap();

    assert_eq!(text.get(), "sold team=payments\n");
    let logs = receiver.received().into_iter().find(|it| it.line.contains("/v1/logs")).unwrap();
    let logs = ExportLogsServiceRequest::decode(&*logs.body).unwrap();
    let scopes = logs.resource_logs.into_iter().flat_map(|it| it.scope_logs);
    let record = scopes.flat_map(|it| it.log_records).next().unwrap();
    let team = record.attributes.into_iter().find(|it| it.key == "team").unwrap();
    assert_eq!(team.value.unwrap().value, Some(Value::StringValue("payments".to_owned())));
}

#[derive(Debug)]
struct Seven;

impl IdGenerator for Seven {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(7)
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(7)
    }
}

#[test]
fn trace_ids_are_in_the_order_of_time_unless_the_program_makes_them() {
    let context = |logfire: &Logfire| {
        logfire.tracer_provider().tracer("test").start("work").span_context().clone()
    };
    let logfire = local(&[]).0.finish().unwrap();
    let first = context(&logfire).trace_id();
    std::thread::sleep(Duration::from_millis(2));
    assert!(first.to_bytes() < context(&logfire).trace_id().to_bytes());

    let logfire = local(&[]).0.id_generator(Seven).finish().unwrap();
    let context = context(&logfire);
    assert_eq!((context.trace_id(), context.span_id()), (TraceId::from(7), SpanId::from(7)));
}

/// Panics whatever it is asked.
#[derive(Debug)]
struct Broken;

#[expect(clippy::panic, reason = "it is what is tested")]
impl SpanProcessor for Broken {
    fn on_start(&self, _span: &mut SdkSpan, _cx: &Context) {
        panic!("on purpose")
    }

    fn on_end(&self, _span: SpanData) {
        panic!("on purpose")
    }

    fn force_flush(&self) -> OTelSdkResult {
        panic!("on purpose")
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        panic!("on purpose")
    }
}

#[expect(clippy::panic, reason = "it is what is tested")]
impl LogProcessor for Broken {
    fn emit(&self, _record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        panic!("on purpose")
    }

    fn force_flush(&self) -> OTelSdkResult {
        panic!("on purpose")
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        panic!("on purpose")
    }
}

#[test]
fn a_processor_that_panics_takes_nothing_along() {
    let receiver = Receiver::start();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), receiver.url());
    let (configuration, warnings) = local_with(vec![endpoint]);
    let logfire = configuration.add_span_processor(Broken).add_log_processor(Broken).finish();
    let logfire = logfire.unwrap();
    logfire.tracer_provider().tracer("test").in_span("work", |_| ());
    let logger = logfire.logger_provider().logger("test");
    logger.emit(logger.create_log_record());
    for error in [logfire.force_flush().unwrap_err(), logfire.shutdown().unwrap_err()] {
        assert!(error.to_string().contains("a processor panicked"), "{error}");
    }
    let statistics = logfire.export_statistics();
    let delivered = statistics.spans.iter().chain(&statistics.logs).map(|it| it.delivered);
    assert_eq!(delivered.collect::<Vec<_>>(), [1, 1]);
    // Once for each of the two.
    let told = "a processor of the program panicked: it misses what it was given\n";
    assert_eq!(warnings.get(), told.repeat(2));
}

#[expect(clippy::panic, reason = "it is what is tested")]
impl MetricReader for Broken {
    fn register_pipeline(&self, _pipeline: Weak<Pipeline>) {}

    fn collect(&self, _metrics: &mut ResourceMetrics) -> OTelSdkResult {
        panic!("on purpose")
    }

    fn force_flush(&self) -> OTelSdkResult {
        panic!("on purpose")
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        panic!("on purpose")
    }

    fn temporality(&self, _kind: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}

#[test]
fn a_metric_reader_that_panics_keeps_no_span_from_being_sent() {
    let receiver = Receiver::start();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), receiver.url());
    let logfire = local_with(vec![endpoint]).0.add_metric_reader(Broken).finish().unwrap();
    logfire.tracer_provider().tracer("test").in_span("work", |_| ());
    let error = logfire.shutdown().unwrap_err();
    assert!(error.to_string().contains("a metric reader panicked"), "{error}");
    let delivered = logfire.export_statistics().spans.iter().map(|it| it.delivered).sum::<u64>();
    assert_eq!(delivered, 1);
}
