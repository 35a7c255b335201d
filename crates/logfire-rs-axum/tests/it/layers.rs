//! The order of layers: the table of docs/axum.md.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use logfire_rs_axum::{instrument_with, layer};
use logfire_rs_core::opentelemetry::Context;
use logfire_rs_core::opentelemetry::trace::TraceContextExt as _;
use logfire_rs_core::{current_request, suppress_instrumentation};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tower::util::MapRequestLayer;
use tower::{Layer as _, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::Spans;

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/panic", get(|| async { panic!("on purpose") as () }))
        .route("/slow", get(std::future::pending::<()>))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(20))
}

#[tokio::test]
async fn what_is_inside_is_seen_as_it_answers() {
    let spans = Spans::new();
    let app = router().layer(timeout()).layer(CatchPanicLayer::new());
    let app = instrument_with(app, spans.options());
    assert_eq!(
        spans.of(&app, "GET /panic").await,
        "GET /panic | route /panic | path /panic | 500 | 500"
    );
    assert_eq!(
        spans.of(&app, "GET /slow").await,
        "GET /slow | route /slow | path /slow | 504 | 504"
    );
}

#[tokio::test]
async fn what_is_outside_is_seen_as_what_it_does_to_the_request() {
    let spans = Spans::new();
    let app = instrument_with(router(), spans.options());
    let app = app.layer(timeout()).layer(CatchPanicLayer::new());
    assert_eq!(
        spans.of(&app, "GET /panic").await,
        "GET /panic | route /panic | path /panic | - | panic"
    );
    assert_eq!(
        spans.of(&app, "GET /slow").await,
        "GET /slow | route /slow | path /slow | - | cancelled"
    );
}

#[tokio::test]
async fn service_builder_trace_and_compression() {
    let spans = Spans::new();
    let stack = ServiceBuilder::new()
        .layer(layer(spans.options().record_body_sizes(true)))
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(timeout());
    let app = router().layer(stack);
    assert_eq!(spans.of(&app, "GET /").await, "GET / | route / | path / | 200 | -");
    assert_eq!(
        spans.of(&app, "GET /slow").await,
        "GET /slow | route /slow | path /slow | 504 | 504"
    );
    let inside = router().layer(layer(spans.options())).layer(CompressionLayer::new());
    assert_eq!(spans.of(&inside, "GET /").await, "GET / | route / | path / | 200 | -");
}

#[tokio::test]
async fn what_a_service_does_when_it_is_called_is_work_of_the_request() {
    let spans = Spans::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = {
        let seen = Arc::clone(&seen);
        move |request: Request<Body>| {
            let path = current_request().map(|it| it.path().to_owned());
            let in_trace = Context::map_current(|it| it.span().span_context().is_valid());
            seen.lock().unwrap().push((path, in_trace));
            request
        }
    };
    let looking = || MapRequestLayer::new(look.clone());
    let service = || looking().layer(get(|| async { "hello" }));
    let inside = Router::new()
        .route_service("/route", service())
        .nest_service("/nested", service())
        .fallback_service(service());
    let around = router().layer(looking());
    let stacked = ServiceBuilder::new().layer(layer(spans.options())).layer(looking());
    for (app, path) in [
        (instrument_with(inside.clone(), spans.options()), "/route"),
        (instrument_with(inside.clone(), spans.options()), "/nested"),
        (instrument_with(inside, spans.options()), "/elsewhere"),
        (instrument_with(around, spans.options()), "/"),
        (router().layer(stacked), "/"),
    ] {
        spans.of(&app, &format!("GET {path}")).await;
        assert_eq!(seen.lock().unwrap().pop(), Some((Some(path.to_owned()), true)));
    }
    assert_eq!(*seen.lock().unwrap(), []);
}

#[tokio::test]
async fn a_probe_of_the_application_itself_does_not_switch_the_spans_off() {
    let spans = Spans::new();
    let app = instrument_with(router(), spans.options());
    assert_eq!(suppress_instrumentation(spans.of(&app, "GET /")).await, "");
    assert_eq!(spans.of(&app, "GET /").await, "GET / | route / | path / | 200 | -");
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_whatever_the_method_is_called() {
    let spans = Spans::new();
    let app = instrument_with(router(), spans.options().known_methods(["GET"]));
    assert_eq!(spans.of(&app, "HEAD /").await, "HTTP / | route / | path / | 200 | -");
}

#[tokio::test]
async fn a_hook_sees_the_filtered_path_without_spans_too() {
    let seen = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&seen);
    let spans = Spans::new();
    let options = spans.options().spans(false).metrics(true);
    let meter = SdkMeterProvider::default();
    let options = options.meter_provider(meter).url_filter(|_| "/hidden".to_owned());
    let options =
        options.request_hook(move |span, _| span.path().clone_into(&mut told.lock().unwrap()));
    assert_eq!(spans.of(&instrument_with(router(), options), "GET /").await, "");
    assert_eq!(*seen.lock().unwrap(), "/hidden");
}

#[tokio::test]
async fn on_request_runs_as_the_current_request() {
    let spans = Spans::new();
    let layer = layer(spans.options()).on_request(|span, _| {
        let current = current_request().map(|it| it.span_context());
        span.set_name(if current == Some(span.span_context()) { "current" } else { "not" });
    });
    let app = router().layer(layer);
    assert_eq!(spans.of(&app, "GET /").await, "current | route / | path / | 200 | -");
}
