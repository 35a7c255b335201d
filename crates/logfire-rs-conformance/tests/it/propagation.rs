//! The trace context of callers: the public cases of W3C over a real socket.

use insta::assert_snapshot;
use logfire_rs_conformance::{Exchange, FRONT_ENDS, Telemetry};
use opentelemetry_sdk::trace::Sampler;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

async fn joins(headers: &str) -> bool {
    let exchange = Exchange::get("GET /users/1", headers);
    let text = exchange.everywhere().await;
    text.contains("[server from remote]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_caller_is_the_parent() {
    assert!(joins(&format!("traceparent: {PARENT}\r\n")).await);
    assert!(joins(&format!("TRACEPARENT: {PARENT}\r\n")).await);
    assert!(joins(&format!("traceparent:  {PARENT} \r\n")).await);
    assert!(joins(&format!("traceparent: {PARENT}\r\ntracestate: ,=,bad value\r\n")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_caller_is_none() {
    assert!(!joins("traceparent: nonsense\r\n").await);
    assert!(!joins(&format!("traceparent: {PARENT}\r\ntraceparent: {PARENT}\r\n")).await);
    assert!(!joins(&format!("trace-parent: {PARENT}\r\n")).await);
    assert!(!joins("tracestate: a=b\r\n").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_in_several_lines_are_one() {
    let headers = format!("traceparent: {PARENT}\r\ntracestate: a=1\r\ntracestate: b=2\r\n");
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        Exchange::get("GET /", &headers).observe(front_end, &telemetry).await;
        let span = telemetry.spans()[0].clone().span_context;
        assert_eq!(span.trace_state().header(), "a=1,b=2");
        assert_eq!(span.trace_id().to_string(), TRACE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsampled_caller_is_obeyed_and_measured() {
    let headers = format!("traceparent: {}00\r\n", PARENT.trim_end_matches("01"));
    let exchange = Exchange::get("GET /users/1", &headers).unrecorded();
    assert_snapshot!(exchange.everywhere().await, @r#"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_do_not_depend_on_sampling() {
    let exchange = Exchange::get("GET /fail", "").unrecorded();
    let mut metrics = Vec::new();
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::with_sampler(Sampler::AlwaysOff);
        let observed = exchange.observe(front_end, &telemetry).await;
        assert!(observed.spans.is_empty());
        metrics.push(observed.metrics);
    }
    metrics.dedup();
    assert_snapshot!(metrics.join("\nor\n"), @r#"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=500, http.request.method=GET, http.response.status_code=500, http.route=/fail, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}
