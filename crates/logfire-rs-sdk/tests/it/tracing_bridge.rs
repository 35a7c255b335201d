//! Spans and events of `tracing`, seen on the console and on the wire.

use logfire_rs_sdk::{
    ConsoleOptions,
    opentelemetry::trace::{Tracer, TracerProvider},
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::{Text, Variables, local, receiver::Receiver};

/// The console's lines, without those about ends, for what `work` does inside an OpenTelemetry span.
fn shown(variables: Variables, work: impl FnOnce()) -> String {
    let text = Text::default();
    let options = ConsoleOptions::default().timestamps(false).writer(text.clone());
    let logfire = local(variables).0.console(options).finish().unwrap();
    let subscriber = registry().with(logfire.tracing_layer());
    let tracer = logfire.tracer_provider().tracer("test");
    tracing::subscriber::with_default(subscriber, || tracer.in_span("request", |_| work()));
    logfire.shutdown().unwrap();
    text.get().lines().filter(|line| !line.contains('└')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn spans_are_children_and_events_are_logs() {
    let text = shown(&[], || {
        tracing::info!("before");
        tracing::info_span!("check out").in_scope(|| {
            tracing::info!(items = 3, "sold");
            tracing::debug!("hidden");
        });
        let _double =
            tracing::info_span!(target: "tower_http::trace::make_span", "request").entered();
        tracing::warn!(target: "tower_http::trace", "kept");
        tracing::info!(target: "opentelemetry_sdk", "hidden");
    });
    assert_eq!(text, "request\n  before\n  check out\n    sold items=3\n  kept\n");
}

#[test]
fn spans_that_double_a_request_are_left_out_and_their_events_are_kept() {
    macro_rules! work {
        ($($target:literal)*) => {
            || {
                $(
                    let span = tracing::info_span!(target: $target, "double");
                    span.in_scope(|| tracing::warn!(target: $target, "kept {}", $target));
                )*
                tracing::info_span!(target: "hyperloglog", "own").in_scope(|| ());
            }
        };
    }
    let text = shown(
        &[],
        work!("tower_http::trace" "hyper::client" "h2" "tonic" "reqwest::connect" "opentelemetry"),
    );
    let expected = "request\n  kept tower_http::trace\n  kept hyper::client\n  kept h2\n  kept tonic\n  \
                    kept reqwest::connect\n  kept opentelemetry\n  own\n";
    assert_eq!(text, expected);
}

#[test]
fn rust_log_filters() {
    let text = shown(&[("RUST_LOG", "error,it=debug")], || {
        tracing::debug!("shown");
        tracing::info!(target: "elsewhere", "hidden");
    });
    assert_eq!(text, "request\n  shown\n");
}

#[test]
fn logs_carry_the_ids_of_their_span() {
    let receiver = Receiver::start();
    let configuration = local(&[]).0.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.finish().unwrap();
    tracing::subscriber::with_default(registry().with(logfire.tracing_layer()), || {
        tracing::info_span!("work").in_scope(|| tracing::info!("inside"));
    });
    logfire.shutdown().unwrap();

    let body = |path: &str| {
        let line = format!("POST {path} HTTP/1.1");
        receiver.received().into_iter().find(|request| request.line == line).unwrap().body
    };
    let traces = ExportTraceServiceRequest::decode(body("/v1/traces").as_slice()).unwrap();
    let scopes = traces.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).collect();
    let logs = ExportLogsServiceRequest::decode(body("/v1/logs").as_slice()).unwrap();
    let scopes = logs.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    let logs: Vec<_> = scopes.flat_map(|scope| scope.log_records).collect();
    assert_eq!((spans.len(), logs.len()), (1, 1));
    assert_eq!((&logs[0].trace_id, &logs[0].span_id), (&spans[0].trace_id, &spans[0].span_id));
    // The event is a log, and not an event of the span again.
    assert_eq!(spans[0].events.len(), 0);
}
