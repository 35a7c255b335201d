//! The middleware for reqwest-middleware.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use http::Extensions;
use logfire_rs_reqwest::{HttpClientMiddleware, PerRequest};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Error as Middle, Middleware, Next, Result};

use crate::servers::{Server, raw, refused};
use crate::telemetry::{Telemetry, attribute, plain};

/// Sends each request three times.
struct ThreeTimes;

#[async_trait]
impl Middleware for ThreeTimes {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        for _ in 0..2 {
            let _ = next.clone().run(request.try_clone().unwrap(), extensions).await;
        }
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn each_attempt_is_a_span_with_its_number() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let middleware = HttpClientMiddleware::new(telemetry.options());
    let client = ClientBuilder::new(plain()).with(ThreeTimes).with(middleware).build();
    let settings = PerRequest::default().url_template("/status/{code}");
    let request = client.get(server.url("/status/503")).with_extension(settings);
    assert_eq!(request.send().await.unwrap().status(), 503);
    let spans = telemetry.take();
    let counts: Vec<_> =
        spans.iter().map(|it| attribute(it, "http.request.resend_count")).collect();
    assert_eq!(counts, [None, Some("1".to_owned()), Some("2".to_owned())]);
    assert!(spans.iter().all(|it| it.name == "GET /status/{code}"));
    let mut sent: Vec<_> =
        server.seen().iter().map(|it| it.headers["traceparent"].clone()).collect();
    sent.dedup();
    assert_eq!(sent.len(), 3);

    assert!(client.get(refused()).send().await.is_err());
    for span in telemetry.take() {
        assert_eq!(attribute(&span, "error.type").unwrap(), "connection_refused");
    }
}

/// Gives up, with the error of the last attempt in one of its own, as middlewares that retry do.
struct GivesUp(fn(Middle) -> Middle);

#[async_trait]
impl Middleware for GivesUp {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        next.run(request, extensions).await.map_err(self.0)
    }
}

/// Shows what it holds as its own, and so does its source.
#[derive(Debug)]
struct Transparent(Middle);

impl fmt::Display for Transparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Transparent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Debug)]
struct AfterRetries(Middle);

impl fmt::Display for AfterRetries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed after 3 attempts")
    }
}

impl Error for AfterRetries {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn the_error_of_a_middleware_shows_no_url() {
    let telemetry = Telemetry::new();
    let broken = || raw(b"SSH-2.0-OpenSSH\r\n\r\n", false);
    for (how, wrap, url, expected) in [
        ("as it is", (|it| it) as fn(_) -> _, refused(), "connection_refused"),
        ("transparent", |it| Middle::middleware(Transparent(it)), refused(), "connection_refused"),
        ("held", |it| Middle::middleware(AfterRetries(it)), refused(), "connection_refused"),
        (
            "twice",
            |it| Middle::middleware(Middle::middleware(it)),
            broken().await,
            "invalid_response",
        ),
        (
            "a builder's",
            |it| Middle::middleware(AfterRetries(it)),
            "ftp://127.0.0.1/?sig=s3cret".into(),
            "invalid_request",
        ),
    ] {
        let middleware = HttpClientMiddleware::new(telemetry.options());
        let client = ClientBuilder::new(plain()).with(middleware).with(GivesUp(wrap)).build();
        let error = client.get(url).send().await.unwrap_err();
        let span = telemetry.one();
        assert_eq!(attribute(&span, "error.type").as_deref(), Some(expected), "{how}: {error:?}");
        let [event] = &span.events.events[..] else { panic!("{how}: {span:?}") };
        let texts = format!("{:?} {:?}", span.status, event.attributes);
        for part in ["s3cret", "REDACTED", "http:", "ftp:", "127.0.0.1", "for url"] {
            assert!(!texts.contains(part), "{how}: {texts}");
        }
    }
}

#[tokio::test]
async fn a_request_is_recorded_once_however_many_layers_there_are() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let layer = || HttpClientMiddleware::new(telemetry.options());
    let client = ClientBuilder::new(plain()).with(layer()).with(layer()).build();
    client.get(server.url("/")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
    assert_eq!(server.seen()[0].headers.get_all("traceparent").iter().count(), 1);
}
