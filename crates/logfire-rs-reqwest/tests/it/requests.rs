//! What one request may want to have otherwise, and the other ways to send one.

use logfire_rs_reqwest as reqwest;
use opentelemetry::trace::SpanKind;
use tower::ServiceExt as _;

use crate::servers::Server;
use crate::telemetry::{Telemetry, attribute};

#[tokio::test]
async fn a_request_may_have_a_template_a_name_and_attributes() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    let request = client.get(server.url("/status/200")).url_template("/status/{code}");
    request.attribute("tenant", "acme").send().await.unwrap();
    let span = telemetry.one();
    assert_eq!(span.name, "GET /status/{code}");
    assert_eq!(attribute(&span, "url.template").unwrap(), "/status/{code}");
    assert_eq!(attribute(&span, "tenant").unwrap(), "acme");

    let named = client.get(server.url("/")).span_name("front page");
    named.try_clone().unwrap().send().await.unwrap();
    named.send().await.unwrap();
    for span in telemetry.take() {
        assert_eq!((span.name.as_ref(), span.span_kind), ("front page", SpanKind::Client));
    }
    let metrics = telemetry.metrics().join("\n");
    assert!(metrics.contains("url.template=/status/{code}") && !metrics.contains("acme"));
}

#[tokio::test]
async fn a_request_may_stay_by_itself() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    client.get(server.url("/")).no_propagation().send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
    client.get(server.url("/")).untraced().send().await.unwrap();
    assert_eq!(telemetry.take().len(), 0);
    let with_header = client.get(server.url("/")).map(|it| it.header("x-a", "b"));
    with_header.send().await.unwrap();
    let seen = server.seen();
    let sent: Vec<_> = seen.iter().map(|it| it.headers.contains_key("traceparent")).collect();
    assert_eq!(sent, [false, false, true]);
    assert_eq!(seen[2].headers["x-a"], "b");
}

#[tokio::test]
async fn a_client_is_a_tower_service_and_gives_up_the_inner_one() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    let request = || reqwest::Request::new(reqwest::Method::GET, server.url("/").parse().unwrap());
    let limited = tower::limit::ConcurrencyLimit::new(client.clone(), 2);
    assert_eq!(limited.oneshot(request()).await.unwrap().status(), 200);
    assert_eq!((&client).oneshot(request()).await.unwrap().status(), 200);
    let built = reqwest::RequestBuilder::from_parts(client.clone(), request());
    assert_eq!(built.send().await.unwrap().status(), 200);
    assert_eq!(telemetry.take().len(), 3);
    client.as_ref().execute(request()).await.unwrap();
    client.into_inner().execute(request()).await.unwrap();
    assert_eq!(telemetry.take().len(), 0);
}

#[test]
fn nothing_secret_is_printed() {
    let telemetry = Telemetry::new();
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-api-key", "s3cret".parse().unwrap());
    let options = telemetry.options().url_redaction(reqwest::UrlRedaction::default());
    let plain = crate::telemetry::builder().default_headers(headers.clone());
    let builder = reqwest::instrument_builder(plain, options);
    let mut printed = format!("{builder:?}");
    let client = builder.build().unwrap();
    let request = client.get("http://ada:s3cret@127.0.0.1/?sig=s3cret").bearer_auth("s3cret");
    let request = request.headers(headers).attribute("note", "s3cret");
    printed += &format!("{client:?} {request:?}");
    printed += &format!("{:?}", request.send());
    let settings = reqwest::PerRequest::default().attribute("note", "s3cret");
    printed += &format!("{settings:?}");
    assert!(!printed.contains("s3cret"), "{printed}");
}

/// `use logfire_rs_reqwest as reqwest` is all that this file needs.
#[tokio::test]
async fn everything_of_reqwest_is_there() {
    let server = Server::start().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url: reqwest::Url = server.url("/").parse().unwrap();
    let response: reqwest::Response = reqwest::get(url.clone()).await.unwrap();
    assert_eq!(response.status(), reqwest::StatusCode::OK);
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert(reqwest::header::ACCEPT, "*/*".parse().unwrap());
    let result: reqwest::Result<_> = reqwest::Client::new().get(url).headers(headers).send().await;
    assert!(result.is_ok());
    assert!(format!("{:?}", reqwest::Client::default()).starts_with("Client"));
    let resolver = std::sync::Arc::new(reqwest::SystemResolver);
    let client = reqwest::Client::builder().dns_resolver(resolver).build().unwrap();
    let url = server.url("/").replace("127.0.0.1", "localhost");
    assert!(client.get(url).send().await.unwrap().status().is_success());
}
