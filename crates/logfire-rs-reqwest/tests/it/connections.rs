//! What a client tells that was made by an instrumented builder: connections, names, redirects.

use std::time::Duration;

use logfire_rs_reqwest::redirect::Policy;
use logfire_rs_reqwest::{Client, SystemResolver, instrument_builder};
use opentelemetry::trace::{
    FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry_sdk::trace::SpanData;
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::header::HeaderMap;

use crate::servers::{Server, refused};
use crate::telemetry::{Telemetry, attribute, builder, is_child_of};

fn client(telemetry: &Telemetry) -> Client {
    let client = instrument_builder(builder(), telemetry.options()).connections();
    client.dns(SystemResolver).redirects(Policy::limited(5)).build().unwrap()
}

fn named<'a>(spans: &'a [SpanData], start: &str) -> &'a SpanData {
    spans.iter().find(|it| it.name.starts_with(start)).unwrap()
}

fn events(span: &SpanData) -> Vec<String> {
    let text = |it: &opentelemetry::KeyValue| format!("{}={}", it.key, it.value);
    let event = |it: &opentelemetry::trace::Event| {
        format!("{} {}", it.name, it.attributes.iter().map(text).collect::<Vec<_>>().join(" "))
    };
    span.events.events.iter().map(event).collect()
}

#[tokio::test]
async fn a_new_connection_is_a_span_and_an_old_one_an_attribute() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = client(&telemetry);
    let url = server.url("/").replace("127.0.0.1", "localhost");
    client.get(&url).send().await.unwrap().bytes().await.unwrap();
    let spans = telemetry.take();
    assert_eq!(spans.len(), 3, "{spans:?}");
    let request = named(&spans, "GET");
    let setup = named(&spans, "HTTP connection_setup");
    let lookup = named(&spans, "DNS lookup");
    assert_eq!(setup.name, format!("HTTP connection_setup localhost:{}", server.port()));
    assert!(is_child_of(setup, request.span_context.span_id()));
    assert_eq!((&setup.span_kind, &setup.status), (&SpanKind::Internal, &Status::Unset));
    assert_eq!(attribute(setup, "network.peer.address").unwrap(), "127.0.0.1");
    assert_eq!(attribute(setup, "network.peer.port").unwrap(), server.port().to_string());
    assert!(is_child_of(lookup, setup.span_context.span_id()));
    assert_eq!(lookup.name, "DNS lookup localhost");
    assert!(attribute(lookup, "dns.answers").unwrap().contains("127.0.0.1"));
    assert_eq!(attribute(request, "http.connection.reused").unwrap(), "false");
    assert_eq!(request.links.links[0].span_context, setup.span_context);

    client.get(&url).send().await.unwrap();
    let again = telemetry.one();
    assert_eq!(attribute(&again, "http.connection.reused").unwrap(), "true");
    assert!(again.links.links.is_empty());
}

struct NeverResolves;

impl Resolve for NeverResolves {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_connection_that_fails_says_why() {
    let telemetry = Telemetry::new();
    client(&telemetry).get(refused()).send().await.unwrap_err();
    let spans = telemetry.take();
    for span in [named(&spans, "HTTP"), named(&spans, "GET")] {
        assert_eq!(attribute(span, "error.type").unwrap(), "connection_refused");
        assert!(matches!(span.status, Status::Error { .. }));
    }

    let slow = builder().connect_timeout(Duration::from_millis(50));
    let slow = instrument_builder(slow, telemetry.options()).connections().dns(NeverResolves);
    let slow = slow.build().unwrap();
    slow.get("http://slow.test/").send().await.unwrap_err();
    let spans = telemetry.take();
    for name in ["HTTP", "DNS", "GET"] {
        let error = attribute(named(&spans, name), "error.type");
        assert_eq!(error.as_deref(), Some("connect_timeout"), "{name}");
    }

    // Given up by the caller, it is no error.
    let request = slow.get("http://slow.test/").timeout(Duration::from_secs(9)).send();
    let _ = tokio::time::timeout(Duration::from_millis(20), request).await;
    let spans = telemetry.take();
    assert!(spans.iter().all(|it| it.status == Status::Unset), "{spans:?}");
}

#[tokio::test]
async fn redirects_are_events_and_a_count() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let policies = [Policy::limited(5), Policy::none(), Policy::limited(1)];
    let [all, none, one] = policies.map(|policy| {
        let client = instrument_builder(builder(), telemetry.options()).redirects(policy);
        client.build().unwrap()
    });
    let start = server.url("/temporary");
    all.post(&start).body("again").send().await.unwrap();
    let span = telemetry.one();
    assert_eq!(attribute(&span, "http.request.resend_count").unwrap(), "2");
    assert_eq!(attribute(&span, "url.full").unwrap(), start);
    assert_eq!(
        events(&span),
        [
            format!(
                "http.redirect http.response.status_code=307 url.full={}",
                server.url("/permanent")
            ),
            format!("http.redirect http.response.status_code=308 url.full={}", server.url("/echo")),
        ]
    );

    assert_eq!(none.get(&start).send().await.unwrap().status(), 307);
    let span = telemetry.one();
    assert_eq!(attribute(&span, "http.request.resend_count"), None);
    assert_eq!(events(&span).len(), 1);

    assert!(one.get(server.url("/loop")).send().await.unwrap_err().is_redirect());
    let span = telemetry.one();
    assert_eq!(attribute(&span, "error.type").unwrap(), "redirect_error");
    assert_eq!(attribute(&span, "http.request.resend_count").unwrap(), "1");
}

#[tokio::test]
async fn without_telemetry_nothing_is_recorded_and_all_works() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let url = server.url("/to-root").replace("127.0.0.1", "localhost");
    let tracer = telemetry.tracer_provider.tracer("test");
    let parent = opentelemetry::Context::new().with_span(tracer.start("parent"));
    let request = client(&telemetry).get(&url).untraced().send().with_context(parent.clone());
    assert_eq!(request.await.unwrap().status(), 200);
    let request = client(&telemetry).get(&url).send();
    let request = logfire_rs_reqwest::suppress_instrumentation(request).with_context(parent);
    assert_eq!(request.await.unwrap().status(), 200);
    assert_eq!(telemetry.one().name, "parent");
}

#[tokio::test]
async fn each_hop_may_be_a_span_with_a_trace_header_of_its_own() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = instrument_builder(builder(), telemetry.options()).hop_spans().build().unwrap();
    let request = client.post(server.url("/temporary")).url_template("/{where}").body("again");
    let response = request.bearer_auth("s3cret").send().await.unwrap();
    assert_eq!(response.url().as_str(), server.url("/echo"));
    assert_eq!(response.text().await.unwrap(), "again");
    let (spans, seen) = (telemetry.take(), server.seen());
    assert_eq!((spans.len(), seen.len()), (3, 3));
    for (i, ((span, seen), path)) in
        spans.iter().zip(&seen).zip(["/temporary", "/permanent", "/echo"]).enumerate()
    {
        assert_eq!(attribute(span, "url.full").unwrap(), server.url(path));
        let count = (i > 0).then(|| i.to_string());
        assert_eq!(attribute(span, "http.request.resend_count"), count);
        assert_eq!(span.name, "POST /{where}");
        let sent = seen.headers["traceparent"].to_str().unwrap();
        assert!(sent.contains(&span.span_context.span_id().to_string()));
        assert_eq!(seen.headers["authorization"], "Bearer s3cret");
        assert_eq!(seen.headers.contains_key("referer"), i > 0);
    }

    let quiet = instrument_builder(builder(), telemetry.options()).hop_spans().referer(false);
    quiet.build().unwrap().post(server.url("/temporary")).body("again").send().await.unwrap();
    let seen = server.seen();
    assert_eq!((telemetry.take().len(), seen.len()), (3, 3));
    assert!(seen.iter().all(|it| !it.headers.contains_key("referer")));

    let error = client.get(server.url("/loop")).send().await.unwrap_err();
    assert!(error.is_redirect() && !error.is_timeout());
    let spans = telemetry.take();
    assert_eq!(spans.len(), 11);
    assert_eq!(attribute(&spans[10], "error.type").unwrap(), "redirect_error");
    // What is not recorded is followed by reqwest itself.
    let untraced = client.get(server.url("/to-root")).untraced().send().await.unwrap();
    assert_eq!(untraced.status(), 200);
}

#[tokio::test]
async fn no_hop_takes_credentials_to_another_server() {
    const SECRET: [&str; 4] = ["authorization", "cookie", "cookie2", "proxy-authorization"];
    let (server, other, telemetry) =
        (Server::start().await, Server::start().await, Telemetry::new());
    let mut defaults: HeaderMap =
        SECRET.map(|it| (it.parse().unwrap(), "s3cret".parse().unwrap())).into_iter().collect();
    defaults.insert("x-kept", "yes".parse().unwrap());
    let hops = |builder| instrument_builder(builder, telemetry.options()).hop_spans();
    for (how, client) in [
        ("ours", hops(builder()).default_headers(defaults.clone())),
        ("theirs", hops(builder().default_headers(defaults.clone()))),
        ("map", hops(builder()).map(|it| it.default_headers(defaults.clone()))),
    ] {
        let client = client.build().unwrap();
        // 303 becomes a GET without a body.
        let away = server.url(&format!("/away/{}", other.port()));
        client.post(&away).bearer_auth("s3cret").body("hello").send().await.unwrap();
        let [seen] = &server.seen()[..] else { panic!("{how}") };
        assert!(SECRET.iter().all(|it| seen.headers.contains_key(*it)), "{how}: {seen:?}");
        let [seen] = &other.seen()[..] else { panic!("{how}") };
        assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("GET", "/"), "{how}");
        for name in SECRET.into_iter().chain(["content-length", "content-type"]) {
            assert!(!seen.headers.contains_key(name), "{how}: {name}");
        }
        assert_eq!(seen.headers["x-kept"], "yes", "{how}");
        let span = telemetry.one();
        assert_eq!(attribute(&span, "url.full").unwrap(), away, "{how}");
        let event = format!("http.redirect url.full={}", other.url("/"));
        assert_eq!(events(&span), [event], "{how}");
    }

    // A hop on the same server, then one to another: two spans.
    let client = hops(builder()).default_headers(defaults).build().unwrap();
    let away = server.url(&format!("/hop/away/{}", other.port()));
    client.get(&away).send().await.unwrap();
    let spans = telemetry.take();
    let counts = spans.iter().map(|it| attribute(it, "http.request.resend_count"));
    assert_eq!(counts.collect::<Vec<_>>(), [None, Some("1".to_owned())]);
    let [seen] = &other.seen()[..] else { panic!() };
    assert!(SECRET.iter().all(|it| !seen.headers.contains_key(*it)), "{seen:?}");

    // What the other server then redirects is followed as without spans of hops.
    let away = server.url(&format!("/away/{}?to=/to-root", other.port()));
    let without = instrument_builder(builder(), telemetry.options()).build().unwrap();
    let with = hops(builder()).build().unwrap();
    let mut seen = Vec::new();
    for client in [without, with] {
        let response = client.get(&away).header("x-kept", "yes").send().await.unwrap();
        assert_eq!(response.url().as_str(), other.url("/?b=2"));
        let mut all = other.seen();
        all.iter_mut().for_each(|it| drop(it.headers.remove("traceparent")));
        seen.push(format!("{all:?}"));
        let span = telemetry.one();
        assert_eq!(attribute(&span, "http.response.status_code").unwrap(), "200");
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn the_last_of_spans_of_hops_and_a_policy_counts() {
    let (server, other, telemetry) =
        (Server::start().await, Server::start().await, Telemetry::new());
    let hops = || instrument_builder(builder(), telemetry.options()).hop_spans();
    for (how, client) in [
        ("redirect", hops().redirect(Policy::none())),
        ("redirects", hops().redirects(Policy::none())),
        ("map", hops().map(|it| it.redirect(Policy::none()))),
    ] {
        let client = client.build().unwrap();
        let away = format!("/away/{}", other.port());
        for (path, status) in [("/temporary", 307), ("/to-root", 303), (&away, 303)] {
            let response = client.get(server.url(path)).send().await.unwrap();
            assert_eq!(response.status(), status, "{how} {path}");
            assert_eq!((server.seen().len(), other.seen().len()), (1, 0), "{how} {path}");
            assert_eq!(telemetry.take().len(), 1, "{how} {path}");
        }
    }
    for (how, client) in [
        ("redirects", hops().redirects(Policy::limited(3))),
        ("map", hops().map(|it| it.redirect(Policy::limited(3)))),
    ] {
        let client = client.build().unwrap();
        let error = client.get(server.url("/loop")).send().await.unwrap_err();
        assert!(error.is_redirect(), "{how}: {error:?}");
        assert_eq!(server.seen().len(), 4, "{how}");
        assert_eq!(telemetry.take().len(), 1, "{how}");
    }
    // The other way round, there is a span of each; and between two servers there are ten as well.
    let last = instrument_builder(builder(), telemetry.options()).redirects(Policy::none());
    let last = last.hop_spans().build().unwrap();
    last.get(server.url("/temporary")).send().await.unwrap();
    assert_eq!((server.seen().len(), telemetry.take().len()), (3, 3));
    let endless = format!("/ring/{}/{}", other.port(), server.port());
    let error = last.get(server.url(&endless)).send().await.unwrap_err();
    assert!(error.is_redirect(), "{error:?}");
    assert_eq!(server.seen().len() + other.seen().len(), 11);
    let span = telemetry.one();
    assert_eq!(attribute(&span, "error.type").unwrap(), "redirect_error");
}

#[tokio::test]
async fn retries_of_reqwest_are_events_and_a_count() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let retries = reqwest::retry::for_host("127.0.0.1").max_retries_per_request(2);
    let retries = retries.no_budget().classify_fn(|attempt| match attempt.status() {
        Some(reqwest::StatusCode::SERVICE_UNAVAILABLE) => {
            logfire_rs_reqwest::record_retry(attempt.status());
            attempt.retryable()
        }
        _ => attempt.success(),
    });
    let client = instrument_builder(builder().retry(retries), telemetry.options());
    let client = client.build().unwrap();
    client.get(server.url("/status/503")).send().await.unwrap();
    let span = telemetry.one();
    assert_eq!(attribute(&span, "http.request.resend_count").unwrap(), "2");
    assert_eq!(events(&span), ["http.retry http.response.status_code=503"; 2]);
    client.get(server.url("/")).send().await.unwrap();
    let span = telemetry.one();
    assert_eq!((attribute(&span, "http.request.resend_count"), events(&span).len()), (None, 0));
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn the_protocol_is_that_of_the_connection() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let http2 = builder().http2_prior_knowledge().build().unwrap();
    let client = logfire_rs_reqwest::instrument_with(http2, telemetry.options());
    client.get(server.url("/")).send().await.unwrap();
    assert_eq!(attribute(&telemetry.one(), "network.protocol.version").unwrap(), "2");
}
