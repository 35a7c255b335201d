//! OTLP over gRPC, as the variables ask for it, on any runtime and on none.

use std::time::{Duration, Instant};

use logfire_rs_sdk::{
    Logfire,
    opentelemetry::{
        logs::{LogRecord, Logger, LoggerProvider},
        metrics::MeterProvider,
        trace::{Tracer, TracerProvider},
    },
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

use crate::{
    Text,
    grpc_receiver::{GrpcAnswer, GrpcReceiver},
    local_with,
    receiver::Receiver,
};

const BOUNDED: Duration = Duration::from_secs(60);

fn sending_to(receiver: &GrpcReceiver, more: &[(&str, &str)]) -> (Logfire, Text) {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url().leak() as &str),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    let variables = variables.iter().chain(more);
    let owned = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let (configuration, warnings) = local_with(owned.collect());
    (configuration.finish().unwrap(), warnings)
}

fn record(logfire: &Logfire) {
    logfire.tracer_provider().tracer("test").start("work");
    logfire.meter_provider().meter("test").u64_counter("orders").build().add(2, &[]);
    let logger = logfire.logger_provider().logger("test");
    let mut record = logger.create_log_record();
    record.set_body("sold".into());
    logger.emit(record);
}

#[test]
fn all_signals_are_calls_with_headers_as_metadata() {
    let receiver = GrpcReceiver::start();
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=abc");
    let (logfire, warnings) = sending_to(&receiver, &[headers]);
    record(&logfire);
    logfire.shutdown().unwrap();

    let mut calls = receiver.calls();
    calls.sort_by(|a, b| a.path.cmp(&b.path));
    let service = "/opentelemetry.proto.collector";
    let paths: Vec<_> = calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            format!("{service}.logs.v1.LogsService/Export"),
            format!("{service}.metrics.v1.MetricsService/Export"),
            format!("{service}.trace.v1.TraceService/Export"),
        ]
    );
    assert!(calls.iter().all(|call| call.headers["api-key"] == "abc"));
    assert!(calls.iter().all(|call| call.headers["grpc-encoding"] == "gzip"));
    let logs = ExportLogsServiceRequest::decode(calls[0].message.as_slice()).unwrap();
    assert_eq!(logs.resource_logs[0].scope_logs[0].log_records.len(), 1);
    let metrics = ExportMetricsServiceRequest::decode(calls[1].message.as_slice()).unwrap();
    assert_eq!(metrics.resource_metrics[0].scope_metrics[0].metrics[0].name, "orders");
    let traces = ExportTraceServiceRequest::decode(calls[2].message.as_slice()).unwrap();
    assert_eq!(traces.resource_spans[0].scope_spans[0].spans[0].name, "work");
    assert_eq!(warnings.get(), "");
}

#[test]
fn one_signal_may_go_over_grpc_and_another_over_http() {
    let (grpc, http) = (GrpcReceiver::start(), Receiver::start());
    let more = [
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", http.url().leak() as &str),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    let (logfire, _) = sending_to(&grpc, &more);
    record(&logfire);
    logfire.shutdown().unwrap();
    assert_eq!(grpc.calls().len(), 1);
    assert_eq!(http.received().len(), 1);
}

#[test]
fn what_a_collector_rejects_is_lost_and_told() {
    // One item, with the message `odd`.
    let receiver = GrpcReceiver::answering(|_| GrpcAnswer::Message(b"\x0a\x07\x08\x01\x12\x03odd"));
    let (logfire, warnings) = sending_to(&receiver, &[]);
    record(&logfire);
    logfire.shutdown().unwrap();
    let [spans] = logfire.export_statistics().spans.try_into().unwrap();
    assert_eq!((spans.recorded, spans.delivered, spans.dropped), (1, 0, 1));
    let told = format!("{} takes telemetry, but rejects 1 item: odd\n", receiver.url());
    assert_eq!(warnings.get().matches(&told).count(), 1, "{}", warnings.get());
}

#[test]
fn a_collector_that_asks_gets_the_certificate_of_the_client() {
    let client = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let receiver = GrpcReceiver::for_client(&client.cert);
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let trusted = file("trusted.pem", receiver.certificate.clone().unwrap());
    let certificate = file("client.pem", client.cert.pem());
    let key = file("client.key", client.signing_key.serialize_pem());
    let trusted = ("OTEL_EXPORTER_OTLP_CERTIFICATE", trusted.as_str());
    let certificate = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate.as_str());
    let key = ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key.as_str());
    let (logfire, warnings) = sending_to(&receiver, &[trusted, certificate, key]);
    record(&logfire);
    logfire.shutdown().unwrap();
    assert_eq!(receiver.calls().len(), 3);
    assert_eq!(warnings.get(), "");

    let none = ("OTEL_TRACES_EXPORTER", "none");
    let none = [none, ("OTEL_METRICS_EXPORTER", "none"), trusted];
    for (more, reason) in [
        (vec![certificate], "one without the other"),
        (vec![certificate, (key.0, certificate.1)], "there is no private key in the PEM text"),
    ] {
        let (logfire, warnings) = sending_to(&receiver, &[&none[..], &more].concat());
        drop(logfire);
        let names = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY";
        assert_eq!(warnings.get(), format!("{names} are ignored: {reason}\n"));
    }
}

#[test]
fn tls_trusts_the_certificates_of_a_file() {
    let receiver = GrpcReceiver::with_tls();
    let file = std::env::temp_dir().join(format!("logfire-rs-{}.pem", receiver.address.port()));
    std::fs::write(&file, receiver.certificate.clone().unwrap()).unwrap();
    let certificate = ("OTEL_EXPORTER_OTLP_CERTIFICATE", file.to_str().unwrap());
    let (logfire, warnings) = sending_to(&receiver, &[certificate]);
    record(&logfire);
    logfire.shutdown().unwrap();
    std::fs::remove_file(file).unwrap();
    assert_eq!(receiver.calls().len(), 3);
    assert_eq!(warnings.get(), "");
}

/// What is recorded arrives, also after a failure, and a receiver that hangs does not hang the end.
fn end() {
    let receiver = GrpcReceiver::answering(|n| GrpcAnswer::Code(if n == 0 { 14 } else { 0 }));
    let (logfire, _) = sending_to(&receiver, &[]);
    record(&logfire);
    logfire.shutdown_with_timeout(BOUNDED).unwrap();
    assert_eq!(receiver.calls().len(), 4);

    let receiver = GrpcReceiver::answering(|_| GrpcAnswer::Hang);
    let (logfire, _) = sending_to(&receiver, &[]);
    record(&logfire);
    let started = Instant::now();
    logfire.shutdown_with_timeout(Duration::from_millis(200)).unwrap_err();
    drop(logfire);
    assert!(started.elapsed() < BOUNDED);
}

#[test]
fn without_a_runtime() {
    end();
}

#[tokio::test]
async fn on_a_current_thread_runtime() {
    end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_multi_thread_runtime() {
    end();
}
