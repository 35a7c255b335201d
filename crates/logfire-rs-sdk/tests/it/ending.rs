//! Flush, shutdown and drop end in time and lose nothing they need not, on any runtime and on none.

use std::time::{Duration, Instant};

use logfire_rs_sdk::{
    Logfire,
    opentelemetry::{
        Context,
        trace::{Tracer, TracerProvider},
    },
    opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{Span, SpanData, SpanProcessor},
    },
};

use crate::{
    Text, local, local_with,
    receiver::{Answer, Receiver},
};

/// Far beyond the 5 seconds of the contract, for a machine that is busy.
const BOUNDED: Duration = Duration::from_secs(60);

fn sending_to(receiver: &Receiver) -> (Logfire, Text) {
    let (configuration, warnings) = local(&[]);
    let configuration = configuration.token("pylf_v1_us_test").base_url(receiver.url());
    (configuration.finish().unwrap(), warnings)
}

fn work(logfire: &Logfire) {
    logfire.tracer_provider().tracer("test").start("work");
}

/// Records, flushes and drops with a receiver that never answers.
fn end_with_a_hanging_receiver() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let (logfire, warnings) = sending_to(&receiver);
    work(&logfire);
    let started = Instant::now();
    let error = logfire.force_flush_with_timeout(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.to_string(), format!("1 export to {} not delivered", receiver.url()));
    drop(logfire);
    assert!(started.elapsed() < BOUNDED);
    assert_eq!(warnings.get(), format!("1 export to {} not delivered\n", receiver.url()));
}

/// Records and drops with a receiver that answers; what was recorded has arrived then.
fn end_well() {
    let receiver = Receiver::start();
    let (logfire, warnings) = sending_to(&receiver);
    work(&logfire);
    logfire.force_flush().unwrap();
    assert_eq!(receiver.received().len(), 1);
    work(&logfire);
    drop(logfire);
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(warnings.get(), "");
}

#[test]
fn without_a_runtime() {
    end_well();
    end_with_a_hanging_receiver();
}

#[tokio::test]
async fn on_a_current_thread_runtime() {
    end_well();
    end_with_a_hanging_receiver();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_multi_thread_runtime() {
    end_well();
    end_with_a_hanging_receiver();
}

#[test]
fn on_a_runtime_of_actix() {
    actix_web::rt::System::new().block_on(async {
        end_well();
        end_with_a_hanging_receiver();
    });
}

#[test]
fn shutdown_is_final_and_may_be_repeated() {
    let receiver = Receiver::start();
    let (logfire, warnings) = sending_to(&receiver);
    work(&logfire);
    logfire.shutdown().unwrap();
    work(&logfire);
    logfire.shutdown().unwrap();
    logfire.force_flush().unwrap();
    drop(logfire);
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(warnings.get(), "");
}

#[test]
fn a_collector_that_is_not_there_is_told_once_and_does_not_delay_the_end() {
    let (configuration, warnings) = local(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]);
    let logfire = configuration.finish().unwrap();
    for _ in 0..3 {
        work(&logfire);
        logfire.force_flush_with_timeout(Duration::from_millis(20)).unwrap_err();
    }
    let started = Instant::now();
    drop(logfire);
    assert!(started.elapsed() < BOUNDED);
    let warnings = warnings.get();
    let warnings: Vec<_> = warnings.lines().collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("cannot deliver to http://127.0.0.1:1: "));
    assert_eq!(warnings[1], "3 exports to http://127.0.0.1:1 not delivered");
}

#[test]
fn a_collector_that_comes_back_gets_everything() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Cut,
        1 => Answer::Status(503),
        _ => Answer::Status(200),
    });
    let (logfire, warnings) = sending_to(&receiver);
    work(&logfire);
    logfire.shutdown_with_timeout(BOUNDED).unwrap();
    assert_eq!(receiver.received().len(), 3);
    let warnings = warnings.get();
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
}

#[test]
fn a_collector_that_hangs_takes_nothing_from_logfire() {
    let hanging = Receiver::answering(|_| Answer::Hang);
    // Not there at first: it needs a second try.
    let platform = Receiver::answering(|n| Answer::Status(if n == 0 { 503 } else { 200 }));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), hanging.url());
    let (configuration, _) = local_with(vec![endpoint]);
    let configuration = configuration.token("pylf_v1_us_a,pylf_v1_us_b").base_url(platform.url());
    let logfire = configuration.finish().unwrap();
    work(&logfire);
    let error = logfire.shutdown().unwrap_err();
    assert_eq!(error.to_string(), format!("1 export to {} not delivered", hanging.url()));
    assert_eq!(platform.received().len(), 3);
}

/// A processor of a user that knows no end.
#[derive(Debug)]
struct Endless;

impl SpanProcessor for Endless {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {}

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        std::thread::park();
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        std::thread::park();
        Ok(())
    }
}

#[test]
fn a_processor_that_hangs_does_not_hang_the_end() {
    let (configuration, _) = local(&[]);
    let logfire = configuration.add_span_processor(Endless).finish().unwrap();
    let started = Instant::now();
    let error = logfire.force_flush_with_timeout(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.to_string(), "not finished after 50ms");
    logfire.shutdown_with_timeout(Duration::from_millis(50)).unwrap_err();
    assert!(started.elapsed() < BOUNDED);
}

#[test]
fn a_disabled_sdk_records_nothing() {
    let receiver = Receiver::start();
    let (configuration, _) = local(&[("OTEL_SDK_DISABLED", "TRUE")]);
    let logfire = configuration.token("pylf_v1_us_test").base_url(receiver.url()).finish().unwrap();
    work(&logfire);
    logfire.shutdown().unwrap();
    assert_eq!(receiver.received().len(), 0);
}
