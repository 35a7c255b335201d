//! Beside Pydantic's `logfire` crate: its spans and ours are one trace. In a process of its own, since it sets globals.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use opentelemetry::trace::{SpanId, TraceContextExt as _};
use opentelemetry::{Context, global};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor, SpanData,
};
use tower::ServiceExt as _;

#[tokio::test]
async fn spans_of_both_are_one_trace() {
    let theirs = InMemorySpanExporter::default();
    let logfire = logfire::configure()
        .send_to_logfire(false)
        .with_console(None)
        .with_additional_span_processor(SimpleSpanProcessor::new(theirs.clone()))
        .finish()
        .unwrap();

    // `logfire` sets no global tracer provider: without one, requests are not recorded.
    let app = || logfire_rs_axum::instrument(Router::new().route("/", get(handler)));
    ask(app()).await;
    assert!(spans(&theirs).iter().all(|it| it.parent_span_id == SpanId::INVALID));
    theirs.reset();

    let ours = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(ours.clone()).build();
    global::set_tracer_provider(provider);
    ask(app()).await;
    logfire.force_flush().unwrap();

    let ours = spans(&ours);
    assert_eq!(names(&ours), ["GET", "GET /"]);
    let request = named(&ours, "GET /");
    let theirs = spans(&theirs);
    let think = named(&theirs, "think");
    assert_eq!(think.parent_span_id, request.span_context.span_id());
    assert_eq!(named(&theirs, "traced").parent_span_id, request.span_context.span_id());
    assert_eq!(named(&ours, "GET").parent_span_id, think.span_context.span_id());
    for span in ours.iter().chain(&theirs) {
        assert_eq!(span.span_context.trace_id(), request.span_context.trace_id(), "{}", span.name);
    }
}

async fn handler() -> &'static str {
    traced().await;
    let span = logfire::span!("think");
    span.in_scope(|| {
        logfire::info!("thought");
        call();
    });
    "hello"
}

#[tracing::instrument]
async fn traced() {}

/// A client's request, of which the start is enough.
fn call() {
    let client =
        logfire_rs_core::HttpClientInstrumenter::new("test", "0", "TEST", Default::default());
    let headers = http::HeaderMap::new();
    let request = logfire_rs_core::ClientRequest {
        method: "GET",
        url: "http://127.0.0.1:9/",
        template: None,
        resend_count: 0,
        headers: &logfire_rs_tower::HttpHeaders(&headers),
    };
    let parent = Context::current();
    assert!(parent.has_active_span());
    drop(client.start(&parent, &request, &Default::default()));
}

async fn ask(app: Router) {
    let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
}

/// The spans that ended, without the copies by which `logfire` announces its own.
fn spans(exporter: &InMemorySpanExporter) -> Vec<SpanData> {
    let announces = |span: &SpanData| {
        let kind = span.attributes.iter().find(|it| it.key.as_str() == "logfire.span_type");
        kind.is_some_and(|it| it.value.as_str() == "pending_span")
    };
    exporter.get_finished_spans().unwrap().into_iter().filter(|it| !announces(it)).collect()
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans
        .iter()
        .find(|it| it.name == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", names(spans)))
}

fn names(spans: &[SpanData]) -> Vec<&str> {
    let mut names: Vec<_> = spans.iter().map(|it| it.name.as_ref()).collect();
    names.sort_unstable();
    names
}
