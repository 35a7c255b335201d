//! The middleware for reqwest-middleware.

use async_trait::async_trait;
use http::Extensions;
use logfire_rs_reqwest::{HttpClientMiddleware, PerRequest};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};

use crate::servers::{Server, refused};
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

#[tokio::test]
async fn a_request_is_recorded_once_however_many_layers_there_are() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let layer = || HttpClientMiddleware::new(telemetry.options());
    let client = ClientBuilder::new(plain()).with(layer()).with(layer()).build();
    client.get(server.url("/")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
    assert_eq!(server.seen()[0].headers.get_all("traceparent").iter().count(), 1);
}
