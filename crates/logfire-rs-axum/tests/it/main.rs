//! What is axum's own: routes, nesting, the order of layers, extractors.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so at once")]

#[cfg(feature = "endpoint")]
mod endpoint;
mod layers;
mod places;
mod routes;
#[cfg(feature = "ws")]
mod websockets;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use logfire_rs_axum::HttpServerOptions;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tower::ServiceExt as _;

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

    /// `{name} {path} {status} {error type}` of each span, after one request.
    async fn of(&self, app: &Router, request: &str) -> String {
        let (method, path) = request.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let _ = response.into_body().collect().await;
        let lines = self.take().into_iter().map(|span| {
            let value = |key: &str| {
                let found = span.attributes.iter().filter(|it| it.key.as_str() == key);
                let values: Vec<_> = found.map(|it| it.value.to_string()).collect();
                assert!(values.len() <= 1, "{key} is there twice: {values:?}");
                values.into_iter().next().unwrap_or_else(|| "-".to_owned())
            };
            format!(
                "{} | route {} | path {} | {} | {}",
                span.name,
                value("http.route"),
                value("url.path"),
                value("http.response.status_code"),
                value("error.type"),
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
