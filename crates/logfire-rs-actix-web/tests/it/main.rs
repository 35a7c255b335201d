//! What is actix-web's own: routes, middleware, errors, bodies, workers, WebSockets.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so at once"
)]

mod bodies;
#[cfg(feature = "endpoint")]
mod endpoint;
mod errors;
mod middleware;
mod routes;
mod servers;
mod websockets;

use std::time::Duration;

use actix_http::Request;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use logfire_rs_actix_web::HttpServerOptions;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

/// An SDK for one test.
#[derive(Clone)]
struct Spans {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

impl Spans {
    fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        Self { exporter, provider }
    }

    fn options(&self) -> HttpServerOptions {
        HttpServerOptions::default()
            .tracer_provider(self.provider.clone())
            .metrics(false)
            .env_lookup(|_| None)
    }

    fn take(&self) -> Vec<SpanData> {
        let spans = self.exporter.get_finished_spans().unwrap();
        self.exporter.reset();
        spans
    }

    /// Waits for the span of a server, and gives all spans.
    async fn wait(&self) -> Vec<SpanData> {
        for _ in 0..3000 {
            let finished = self.exporter.get_finished_spans().unwrap();
            if finished.iter().any(|it| it.span_kind == SpanKind::Server) {
                return self.take();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the span of the server never ended");
    }

    /// The spans after one request `{method} {path}`.
    async fn of<S, B>(&self, app: &S, request: &str) -> String
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        let (method, path) = request.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.after(app, TestRequest::with_uri(path).method(method)).await
    }

    /// The spans after one request.
    async fn after<S, B>(&self, app: &S, request: TestRequest) -> String
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        if let Ok(response) = app.call(request.to_request()).await {
            let _ = actix_web::body::to_bytes(response.into_body()).await;
        }
        describe(&self.take())
    }
}

/// `{name} | route {route} | path {path} | {status} | {error type}` of each span, and the text of
/// each exception.
fn describe(spans: &[SpanData]) -> String {
    let mut lines = Vec::new();
    for span in spans {
        let value = |key: &str| {
            let found = span.attributes.iter().filter(|it| it.key.as_str() == key);
            let values: Vec<_> = found.map(|it| it.value.to_string()).collect();
            assert!(values.len() <= 1, "{key} is there twice: {values:?}");
            values.into_iter().next().unwrap_or_else(|| "-".to_owned())
        };
        lines.push(format!(
            "{} | route {} | path {} | {} | {}",
            span.name,
            value("http.route"),
            value("url.path"),
            value("http.response.status_code"),
            value("error.type"),
        ));
        for event in &span.events.events {
            let texts = event.attributes.iter().map(|it| it.value.to_string());
            lines.push(format!("! {}", texts.collect::<Vec<_>>().join(": ")));
        }
    }
    lines.join("\n")
}
