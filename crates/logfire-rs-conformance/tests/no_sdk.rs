//! Without an SDK, and with one that is installed late: the globals of a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so at once")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use logfire_rs_core::{HttpServerOptions, current_request};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, global};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tower::ServiceExt as _;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a handler saw: the trace id, and whether there was a handle.
type Seen = Arc<Mutex<Vec<(String, bool)>>>;

fn options() -> HttpServerOptions {
    HttpServerOptions::default().env_lookup(|_| None)
}

fn app(seen: &Seen) -> Router {
    let seen = Arc::clone(seen);
    let handler = move || async move {
        let trace_id = Context::current().span().span_context().trace_id().to_string();
        seen.lock().unwrap().push((trace_id, current_request().is_some()));
    };
    logfire_rs_axum::instrument_with(Router::new().route("/", get(handler)), options())
}

async fn request(app: &Router, headers: &[(&str, &str)]) {
    let mut request = Request::get("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn no_sdk_and_then_a_late_one() {
    let seen = Seen::default();
    let (early, late) = (app(&seen), app(&seen));

    // Without an SDK the caller's context is passed on, and nothing else happens.
    request(&early, &[]).await;
    request(&early, &[("traceparent", PARENT)]).await;
    request(&early, &[("traceparent", PARENT)]).await;
    let none = "0".repeat(32);
    let passed = "0af7651916cd43dd8448eb211c80319c".to_owned();
    let first: Vec<_> = seen.lock().unwrap().drain(..).map(|it| it.0).collect();
    assert_eq!(first, [none, passed.clone(), passed.clone()]);

    // What is excluded is not to be recorded by any service, also where this one records nothing.
    let sampled = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sampled);
    let handler = move || async move {
        kept.lock().unwrap().push(Context::current().span().span_context().is_sampled());
    };
    let routes = Router::new().route("/", get(handler));
    for options in [options(), options().excluded_urls(["^/$"]), options().exclude_routes(["/"])] {
        let app = logfire_rs_axum::instrument_with(routes.clone(), options);
        request(&app, &[("traceparent", PARENT)]).await;
        request(&app, &[("traceparent", PARENT)]).await;
    }
    assert_eq!(*sampled.lock().unwrap(), [true, true, false, false, false, false]);

    // A layer that has found no SDK leaves requests to one that was given a provider.
    let own = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(own.clone()).build();
    let inner = options().tracer_provider(provider.clone());
    let inner = Router::new().route("/", get(|| async {})).layer(logfire_rs_axum::layer(inner));
    let both = logfire_rs_axum::instrument_with(inner, options());
    request(&both, &[]).await;
    request(&both, &[]).await;
    request(&both, &[("traceparent", PARENT)]).await;
    request(&both, &[("baggage", "tenant=acme")]).await;
    let spans = own.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 4);
    assert_eq!(spans[2].parent_span_id.to_string(), "b7ad6b7169203331");
    own.reset();
    let app = actix_web::App::new()
        .wrap(logfire_rs_actix_web::middleware(options().tracer_provider(provider.clone())))
        .wrap(logfire_rs_actix_web::middleware(options()))
        .route("/", actix_web::web::get().to(|| async { "hello" }));
    let app = actix_web::test::init_service(app).await;
    for header in ["x", "traceparent", "traceparent"] {
        let request = actix_web::test::TestRequest::get().insert_header((header, PARENT));
        let response = actix_web::test::call_service(&app, request.to_request()).await;
        actix_web::test::read_body(response).await;
    }
    assert_eq!(own.get_finished_spans().unwrap().len(), 3);

    // An instrumented router resolves its providers at its first request, not when it is built.
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    global::set_tracer_provider(provider.clone());
    request(&late, &[("traceparent", PARENT)]).await;
    assert_eq!(*seen.lock().unwrap(), [(passed, true)]);
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "GET /");
    assert_eq!(spans[0].parent_span_id.to_string(), "b7ad6b7169203331");

    // No global propagator was set: W3C is used, also for what goes out.
    let client = logfire_rs_core::HttpClientInstrumenter::new(
        "test",
        "0",
        "TEST",
        logfire_rs_core::HttpClientOptions::default().env_lookup(|_| None),
    );
    let headers = http::HeaderMap::new();
    let span = client.start(
        &Context::new(),
        &logfire_rs_core::ClientRequest {
            method: "GET",
            url: "http://site.example/",
            template: None,
            resend_count: 0,
            headers: &logfire_rs_tower::HttpHeaders(&headers),
        },
        &logfire_rs_core::PerRequest::default(),
    );
    let mut carrier = HashMap::new();
    span.unwrap().inject(&mut carrier);
    assert_eq!(carrier.keys().collect::<Vec<_>>(), ["traceparent"]);
}
