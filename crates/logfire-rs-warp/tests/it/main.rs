//! What is warp's own: templates, rejections, the server, WebSockets.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so at once"
)]

#[cfg(feature = "endpoint")]
mod endpoint;
mod rejections;
mod routes;
mod server;
#[cfg(feature = "ws")]
mod websockets;

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use logfire_rs_warp::{HttpServerOptions, InstrumentedFilter};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tower::ServiceExt as _;
use warp::{Filter, Reply};

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

    /// Waits for a span.
    async fn wait(&self) -> Vec<SpanData> {
        for _ in 0..3000 {
            let spans = self.exporter.get_finished_spans().unwrap();
            if !spans.is_empty() {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("there is no span");
    }
}

/// `{name} {status} {error type}` of the span of one request, sent to the filter as a service.
async fn observe<F>(spans: &Spans, service: &InstrumentedFilter<F>, request: &str) -> String
where
    F: Filter,
    F::Extract: Reply + 'static,
{
    spans.exporter.reset();
    let (head, body) = request.split_once(" < ").unwrap_or((request, ""));
    let (method, path) = head.split_once(' ').unwrap();
    let request = http::Request::builder().method(method).uri(path);
    let request = request.body(Full::new(bytes::Bytes::from(body.to_owned()))).unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let _ = response.into_body().collect().await;
    describe(&spans.wait().await[0])
}

fn describe(span: &SpanData) -> String {
    let value = |key: &str| {
        let found: Vec<_> = span.attributes.iter().filter(|it| it.key.as_str() == key).collect();
        assert!(found.len() <= 1, "{key} is there twice");
        found.first().map_or_else(|| "-".to_owned(), |it| it.value.to_string())
    };
    let route = value("http.route");
    assert!(route == "-" || span.name.ends_with(&route), "{} {route}", span.name);
    format!("{} {} {}", span.name, value("http.response.status_code"), value("error.type"))
}
