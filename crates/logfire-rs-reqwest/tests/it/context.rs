//! The parent of a request's span, and what is sent along.

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{
    FutureExt as _, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};

use crate::servers::Server;
use crate::telemetry::{Telemetry, attribute, is_child_of};

fn span(telemetry: &Telemetry, name: &'static str) -> Context {
    Context::new().with_span(telemetry.tracer_provider.tracer("test").start(name))
}

#[tokio::test]
async fn the_parent_is_that_of_send_unless_one_is_active_at_the_first_poll() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    let (outer, inner) = (span(&telemetry, "outer"), span(&telemetry, "inner"));
    let pending = || {
        let _outer = outer.clone().attach();
        client.get(server.url("/")).send()
    };

    tokio::spawn(pending()).await.unwrap().unwrap();
    assert!(is_child_of(&telemetry.one(), outer.span().span_context().span_id()));
    pending().with_context(inner.clone()).await.unwrap();
    assert!(is_child_of(&telemetry.one(), inner.span().span_context().span_id()));
    client.get(server.url("/")).send().await.unwrap();
    assert!(is_child_of(&telemetry.one(), opentelemetry::trace::SpanId::INVALID));
}

#[tokio::test]
async fn the_context_is_sent_in_the_place_of_what_is_there() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let stale = "00-11111111111111111111111111111111-2222222222222222-01";
    let request = telemetry.client().get(server.url("/")).header("traceparent", stale);
    request.header("traceparent", stale).send().await.unwrap();
    let [seen] = &server.seen()[..] else { panic!() };
    let sent: Vec<_> = seen.headers.get_all("traceparent").iter().collect();
    let span = telemetry.one();
    let ids = &span.span_context;
    assert_eq!(sent, [format!("00-{}-{}-01", ids.trace_id(), ids.span_id()).as_str()]);
    assert!(!seen.headers.contains_key("tracestate"));

    let silent = telemetry.client_with(telemetry.options().propagation(false));
    silent.get(server.url("/")).send().await.unwrap();
    assert!(!server.seen()[0].headers.contains_key("traceparent"));
    assert_eq!(telemetry.take().len(), 1);
}

#[tokio::test]
async fn suppressed_telemetry_is_no_span_no_header_no_metric() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    let suppressed = Context::new().with_telemetry_suppressed();
    let url = server.url("/to-root");
    client.get(&url).send().with_context(suppressed.clone()).await.unwrap();
    logfire_rs_reqwest::suppress_instrumentation(client.get(&url).send()).await.unwrap();
    let made_inside = {
        let _suppressed = suppressed.attach();
        client.get(&url).send()
    };
    tokio::spawn(made_inside).await.unwrap().unwrap();

    let seen = server.seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|it| !it.headers.contains_key("traceparent")));
    assert_eq!(telemetry.take().len(), 0);
    assert_eq!(telemetry.metrics(), [""; 0]);
}

#[tokio::test]
async fn excluded_requests_are_sent_as_they_are() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let lookup = |name: &str| match name {
        "OTEL_RUST_REQWEST_EXCLUDED_URLS" => Some("/status/204".to_owned()),
        "OTEL_RUST_EXCLUDED_URLS" => Some("nothing".to_owned()),
        _ => None,
    };
    let by_environment = telemetry.client_with(telemetry.options().env_lookup(lookup));
    let by_closure =
        telemetry.client_with(telemetry.options().exclude(|it| it.url.ends_with("/204")));
    for client in [by_environment, by_closure] {
        client.get(server.url("/status/204")).send().await.unwrap();
        assert!(!server.seen()[0].headers.contains_key("traceparent"));
        client.get(server.url("/status/200")).send().await.unwrap();
        assert_eq!(telemetry.take().len(), 1);
        server.seen();
    }
    assert_eq!(telemetry.metrics().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_part_of_the_request() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let response = telemetry.client().get(server.url("/to-root")).send().await.unwrap();
    assert_eq!(response.url().as_str(), server.url("/?b=2"));
    let span = telemetry.one();
    let [event] = &span.events.events[..] else { panic!("{span:?}") };
    assert_eq!(event.name, "http.redirect");
    assert_eq!(event.attributes[0].value.to_string(), server.url("/?b=2"));
    assert_eq!(attribute(&span, "url.full").unwrap(), server.url("/to-root"));
    assert_eq!(attribute(&span, "http.response.status_code").unwrap(), "200");
    let sent: Vec<_> =
        server.seen().into_iter().map(|it| it.headers["traceparent"].clone()).collect();
    assert!(sent.len() == 2 && sent[0] == sent[1]);

    let body = telemetry.client().post(server.url("/temporary")).body("again").send().await;
    assert_eq!(body.unwrap().text().await.unwrap(), "again");
}

#[tokio::test]
async fn without_an_sdk_the_context_is_passed_on() {
    let server = Server::start().await;
    let none = opentelemetry::trace::noop::NoopTracerProvider::new();
    let options = logfire_rs_reqwest::HttpClientOptions::default().env_lookup(|_| None);
    let client = Telemetry::new().client_with(options.tracer_provider(none));
    let telemetry = Telemetry::new();
    let parent = span(&telemetry, "parent");
    for _ in 0..3 {
        client.get(server.url("/")).send().with_context(parent.clone()).await.unwrap();
    }
    let trace = parent.span().span_context().trace_id().to_string();
    for seen in server.seen() {
        assert!(seen.headers["traceparent"].to_str().unwrap().contains(&trace));
    }
}

#[tokio::test]
async fn baggage_is_sent_along() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let parent = span(&telemetry, "parent");
    let parent = parent.with_baggage([KeyValue::new("baggage_key", "baggage_value")]);
    telemetry.client().get(server.url("/")).send().with_context(parent.clone()).await.unwrap();
    let [seen] = &server.seen()[..] else { panic!() };
    assert_eq!(seen.headers["baggage"], "baggage_key=baggage_value");
    let trace = parent.span().span_context().trace_id().to_string();
    assert!(seen.headers["traceparent"].to_str().unwrap().contains(&trace));
}
