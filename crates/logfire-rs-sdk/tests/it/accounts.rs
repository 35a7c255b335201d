//! What was recorded has arrived or is counted as lost, whatever the receiver does meanwhile.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use logfire_rs_sdk::{
    DestinationStatistics, Logfire,
    opentelemetry::{
        KeyValue,
        logs::{LogRecord, Logger, LoggerProvider},
        trace::{Tracer, TracerProvider},
    },
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::{
    Text, local_with,
    receiver::{Answer, Receiver},
};

/// Longer than any of this takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

fn sending_to(receiver: &Receiver, more: &[(&str, &str)]) -> (Logfire, Text) {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url());
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let variables = std::iter::once(endpoint).chain(more);
    let owned = variables.map(|(name, value)| (name.to_owned(), value));
    let (configuration, warnings) = local_with(owned.collect());
    (configuration.finish().unwrap(), warnings)
}

fn record(logfire: &Logfire, spans: usize) {
    let tracer = logfire.tracer_provider().tracer("test");
    for _ in 0..spans {
        tracer.start("work");
    }
}

/// Ids of the spans in requests that were answered with 200, and how many spans that were.
fn arrived(receiver: &Receiver, accepted: impl Fn(usize) -> bool) -> (HashSet<Vec<u8>>, usize) {
    let requests = receiver.received().into_iter().enumerate();
    let requests = requests.filter(|(n, it)| accepted(*n) && it.line.contains("/v1/traces"));
    let bodies = requests
        .map(|(_, request)| ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap());
    let scopes = bodies.flat_map(|body| body.resource_spans).flat_map(|it| it.scope_spans);
    let ids: Vec<_> = scopes.flat_map(|scope| scope.spans).map(|span| span.span_id).collect();
    let count = ids.len();
    (ids.into_iter().collect(), count)
}

fn spans(logfire: &Logfire) -> DestinationStatistics {
    let [spans] = logfire.export_statistics().spans.try_into().unwrap();
    spans
}

#[test]
fn a_failing_receiver_loses_nothing_within_the_limits() {
    fn answer(n: usize) -> Answer {
        match n % 5 {
            0 => Answer::Status(503),
            1 => Answer::Cut,
            2 => Answer::RetryAfter(429, 0),
            3 => Answer::Status(408),
            _ => Answer::Status(200),
        }
    }
    let receiver = Receiver::answering(answer);
    let (logfire, warnings) = sending_to(&receiver, &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100")]);
    record(&logfire, 400);
    logfire.shutdown_with_timeout(LONG).unwrap();

    let (ids, count) = arrived(&receiver, |n| matches!(answer(n), Answer::Status(200)));
    assert_eq!((ids.len(), count), (400, 400));
    let spans = spans(&logfire);
    assert_eq!((spans.recorded, spans.delivered), (400, 400));
    assert_eq!((spans.dropped, spans.waiting), (0, 0));
    assert_eq!(spans.destination, receiver.url());
    assert!(!warnings.get().contains("lost"), "{}", warnings.get());
}

#[test]
fn a_receiver_that_restarts_under_load_gets_everything() {
    let first = Receiver::start();
    let (logfire, _) = sending_to(&first, &[("OTEL_BSP_SCHEDULE_DELAY", "10")]);
    record(&logfire, 50);
    first.wait_for(1);
    first.stop();
    record(&logfire, 50);
    // It has noticed that nobody is there.
    let _ = logfire.force_flush_with_timeout(Duration::from_millis(200));
    record(&logfire, 50);
    let second = Receiver::again(first.address);
    record(&logfire, 50);
    logfire.shutdown_with_timeout(LONG).unwrap();

    let (mut ids, _) = arrived(&first, |_| true);
    ids.extend(arrived(&second, |_| true).0);
    assert_eq!(ids.len(), 200);
    let spans = spans(&logfire);
    assert_eq!((spans.recorded, spans.delivered, spans.dropped), (200, 200, 0));
}

#[test]
fn what_finds_the_queue_full_is_counted_and_told_once() {
    let receiver = Receiver::start();
    let hour = "3600000";
    let (logfire, warnings) = sending_to(
        &receiver,
        &[
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
            ("OTEL_BSP_SCHEDULE_DELAY", hour),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "10"),
            ("OTEL_BLRP_SCHEDULE_DELAY", hour),
        ],
    );
    let started = Instant::now();
    // The exporter takes a batch as soon as there is one, so that more than ten may find room.
    record(&logfire, 5_000);
    let logger = logfire.logger_provider().logger("test");
    for _ in 0..5_000 {
        let mut record = logger.create_log_record();
        record.set_body("sold".into());
        logger.emit(record);
    }
    assert!(started.elapsed() < LONG);
    logfire.shutdown().unwrap();

    let spans = spans(&logfire);
    assert_eq!(spans.recorded, 5_000);
    assert_eq!(spans.delivered, arrived(&receiver, |_| true).1 as u64);
    assert_eq!((spans.delivered + spans.dropped, spans.waiting), (5_000, 0));
    let [logs] = logfire.export_statistics().logs.try_into().unwrap();
    assert_eq!((logs.delivered + logs.dropped, logs.waiting), (5_000, 0));
    assert!(spans.dropped > 0 && logs.dropped > 0, "{spans:?} {logs:?}");
    let warnings = warnings.get();
    assert!(warnings.starts_with("lost: "), "{warnings}");
    assert!(warnings.contains("; see OTEL_BSP_MAX_QUEUE_SIZE"), "{warnings}");
    // Once while it happens, and the rest at the end.
    assert!(warnings.lines().count() <= 2, "{warnings}");
}

#[test]
fn each_destination_has_an_account_of_its_own() {
    let (good, bad) = (Receiver::start(), Receiver::answering(|_| Answer::Status(400)));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), bad.url());
    let (configuration, warnings) = local_with(vec![endpoint]);
    let configuration = configuration.token("pylf_v1_us_test").base_url(good.url());
    let logfire = configuration.finish().unwrap();
    record(&logfire, 3);
    let _ = logfire.force_flush();
    let statistics = logfire.export_statistics().spans;
    let accounts: Vec<_> = statistics
        .iter()
        .map(|it| (it.destination.clone(), it.recorded, it.delivered, it.dropped))
        .collect();
    assert_eq!(accounts, [(good.url(), 3, 3, 0), (bad.url(), 3, 0, 3)]);
    assert_eq!(
        warnings.get(),
        format!("{} refuses telemetry with status 400\nlost: 3 spans\n", bad.url())
    );
    logfire.shutdown().unwrap();
}

#[test]
fn what_is_given_up_at_the_end_is_counted() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let (logfire, _) = sending_to(&receiver, &[]);
    record(&logfire, 7);
    logfire.shutdown_with_timeout(Duration::from_millis(200)).unwrap_err();
    let spans = spans(&logfire);
    assert_eq!((spans.recorded, spans.delivered), (7, 0));
    assert_eq!(spans.dropped + spans.waiting, 7);
}

#[test]
fn a_body_over_the_limit_is_split() {
    let receiver = Receiver::start();
    let (logfire, _) = sending_to(&receiver, &[]);
    let tracer = logfire.tracer_provider().tracer("test");
    let text = "x".repeat(100_000);
    for _ in 0..60 {
        let attributes = [KeyValue::new("text", text.clone())];
        tracer.span_builder("large").with_attributes(attributes).start(&tracer);
    }
    logfire.shutdown_with_timeout(LONG).unwrap();
    let sizes: Vec<_> = receiver.received().iter().map(|it| it.body.len()).collect();
    assert!(sizes.len() >= 2 && sizes.iter().all(|size| *size <= 5_000_000), "{sizes:?}");
    let (ids, count) = arrived(&receiver, |_| true);
    assert_eq!((ids.len(), count), (60, 60));
    assert_eq!(spans(&logfire).delivered, 60);
}

#[test]
fn what_announces_spans_is_not_counted() {
    let receiver = Receiver::start();
    let (configuration, _) = local_with(Vec::new());
    let configuration = configuration.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.finish().unwrap();
    let span = logfire.tracer_provider().tracer("test").start("work");
    logfire.force_flush().unwrap();
    assert_eq!(receiver.received().len(), 1);
    assert_eq!((spans(&logfire).recorded, spans(&logfire).delivered), (0, 0));
    drop(span);
    logfire.shutdown().unwrap();
    assert_eq!((spans(&logfire).recorded, spans(&logfire).delivered), (1, 1));
}

#[test]
fn an_outage_beyond_the_end_of_the_program_goes_through_the_spool() {
    let directory = tempfile::TempDir::new().unwrap();
    let spool = ("LOGFIRE_SPOOL_DIR", directory.path().to_str().unwrap());
    let first = Receiver::start();
    let (logfire, _) = sending_to(&first, &[spool]);
    first.stop();
    record(&logfire, 30);
    logfire.shutdown().unwrap();
    let spans = spans(&logfire);
    assert_eq!((spans.recorded, spans.spooled), (30, 30));
    assert_eq!((spans.delivered, spans.dropped, spans.waiting), (0, 0, 0));

    let second = Receiver::again(first.address);
    let (logfire, _) = sending_to(&second, &[spool]);
    second.wait_for(1);
    logfire.shutdown_with_timeout(LONG).unwrap();
    assert_eq!(arrived(&second, |_| true).0.len(), 30);
}

#[test]
fn what_a_collector_rejects_is_lost_and_told_once_without_the_token() {
    // Three spans, with a message of 27 bytes.
    const PROTOBUF: &[u8] = b"\x0a\x1f\x08\x03\x12\x1bbad\nspans of s3cr3t-token x";
    const JSON: &[u8] =
        br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"bad\nspans of s3cr3t-token x"}}"#;
    for (protocol, content_type, body) in [
        ("http/protobuf", "application/x-protobuf", PROTOBUF),
        ("http/json", "application/json", JSON),
    ] {
        let receiver = Receiver::answering(move |_| Answer::Body(content_type, body));
        let (logfire, warnings) = sending_to(
            &receiver,
            &[
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=Bearer s3cr3t-token"),
                ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5"),
            ],
        );
        record(&logfire, 10);
        logfire.shutdown_with_timeout(LONG).unwrap();
        let counts = spans(&logfire);
        assert_eq!((counts.recorded, counts.delivered, counts.dropped), (10, 4, 6), "{protocol}");
        let warnings = warnings.get();
        let told: Vec<_> = warnings.lines().filter(|it| it.contains("rejects")).collect();
        let expected = format!(
            "{} takes telemetry, but rejects 3 items: bad spans of [REDACTED] x",
            receiver.url()
        );
        assert_eq!(told, [expected]);
        assert!(!warnings.contains("s3cr3t"), "{warnings}");
    }
}

#[test]
fn a_success_without_anything_rejected_is_a_success() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Body("application/json", b"{\"partialSuccess\":{}}"),
        // No collector, but something that is content.
        _ => Answer::Body("text/plain", b"thanks"),
    });
    let (logfire, warnings) = sending_to(&receiver, &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")]);
    record(&logfire, 10);
    logfire.shutdown_with_timeout(LONG).unwrap();
    assert_eq!((spans(&logfire).delivered, spans(&logfire).dropped), (10, 0));
    assert_eq!(warnings.get(), "");
}
