//! Cases that need an application of their own: on axum, or a bare tower service, without sockets.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use insta::assert_snapshot;
use logfire_rs_conformance::Telemetry;
use logfire_rs_core::{
    HttpServerInstrumenter, HttpServerOptions, Peer, ServerRequest, current_request,
    suppress_instrumentation,
};
use logfire_rs_tower::{HttpClientLayer, HttpHeaders, HttpServerLayer};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SpanData};
use tower::{Layer as _, Service as _, ServiceExt as _};

/// Sends one request, reads the answer to its end, and gives its head and its trailers.
async fn send(app: &Router, request: http::request::Builder) -> (StatusCode, HeaderMap, HeaderMap) {
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    (head.status, head.headers, body.trailers().cloned().unwrap_or_default())
}

/// Sends one request that is answered with `code`, and checks the span of the client.
async fn send_code<S>(service: &S, telemetry: &Telemetry, code: u16, error: bool)
where
    S: tower::Service<Request<u16>> + Clone,
    S::Error: std::fmt::Debug,
{
    let before = telemetry.spans().len();
    let request = Request::get("http://127.0.0.1/").body(code).unwrap();
    drop(service.clone().oneshot(request).await.unwrap());
    let span = telemetry.spans()[before].clone();
    let error_type = if error { code.to_string() } else { "-".to_owned() };
    assert_eq!(value(&span, "error.type"), error_type);
    let expected = if error { Status::error("") } else { Status::Unset };
    assert_eq!(span.status, expected, "{code}");
}

fn instrument(telemetry: &Telemetry, app: Router) -> Router {
    logfire_rs_axum::instrument_with(app, telemetry.server_options())
}

fn server(telemetry: &Telemetry) -> SpanData {
    telemetry.spans().into_iter().find(|it| it.span_kind == SpanKind::Server).unwrap()
}

fn lasted(span: &SpanData) -> Duration {
    span.end_time.duration_since(span.start_time).unwrap()
}

fn value(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map_or_else(|| "-".to_owned(), |it| it.value.to_string())
}

/// Makes a span when it is dropped.
struct LastBreath(SdkTracer);

impl Drop for LastBreath {
    fn drop(&mut self) {
        let current = current_request().and_then(|it| it.route());
        let name = format!("last breath of {}", current.unwrap_or_default());
        self.0.in_span(name, |_| ());
    }
}

#[tokio::test]
async fn what_a_cancelled_request_does_last_belongs_to_it() {
    let telemetry = Telemetry::default();
    let tracer = telemetry.tracer();
    let breath = LastBreath(tracer.clone());
    let breath = Arc::new(Mutex::new(Some(breath)));
    let slow = async move || {
        let _breath = breath.lock().unwrap().take();
        std::future::pending::<()>().await;
    };
    let stream = async move || {
        let breath = LastBreath(tracer.clone());
        Body::from_stream(stream::repeat_with(move || {
            let _breath = &breath;
            Ok::<_, Infallible>(Bytes::from_static(b"more"))
        }))
    };
    let app = Router::new().route("/slow", get(slow)).route("/stream", get(stream));
    let app = instrument(&telemetry, app);
    let request = |path| Request::get(path).body(Body::empty()).unwrap();

    let mut answer = Box::pin(app.clone().oneshot(request("/slow")));
    assert!(futures_util::poll!(&mut answer).is_pending());
    drop(answer);
    let mut answer = app.oneshot(request("/stream")).await.unwrap();
    assert!(answer.body_mut().frame().await.is_some());
    drop(answer);

    let spans = telemetry.spans();
    for path in ["/slow", "/stream"] {
        let find = |name: String| spans.iter().find(|it| it.name == name).unwrap();
        let child = find(format!("last breath of {path}"));
        let request = find(format!("GET {path}"));
        assert_eq!(child.parent_span_id, request.span_context.span_id());
    }
}

#[tokio::test]
async fn work_in_the_background_does_not_count() {
    let telemetry = Telemetry::default();
    let tracer = telemetry.tracer();
    let handler = async move || {
        let work = async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            tracer.in_span("background_notify", |_| ());
        };
        tokio::spawn(work.with_context(Context::current()));
    };
    let app = instrument(&telemetry, Router::new().route("/", get(handler)));
    send(&app, Request::get("/")).await;
    let span = server(&telemetry);
    // Nothing happened between its start and its end.
    assert_eq!(lasted(&span), Duration::from_secs(1));
    while telemetry.spans().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The work is a child of the request all the same.
    let background = telemetry.spans().into_iter().find(|it| it.name == "background_notify");
    let background = background.unwrap();
    assert_eq!(background.parent_span_id, span.span_context.span_id());
    assert!(background.start_time > span.end_time);
}

#[tokio::test]
async fn trailers_belong_to_the_answer() {
    let telemetry = Telemetry::default();
    let handler = async || {
        let frames = stream::unfold(0, async |i| {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let checksum = (HeaderName::from_static("checksum"), HeaderValue::from_static("7"));
            let frame = match i {
                0 | 1 => Frame::data(Bytes::from_static(b"data")),
                2 => Frame::trailers(HeaderMap::from_iter([checksum])),
                _ => return None,
            };
            Some((Ok::<_, Infallible>(frame), i + 1))
        });
        Body::new(StreamBody::new(Box::pin(frames)))
    };
    let app = instrument(&telemetry, Router::new().route("/", get(handler)));
    let (_, _, trailers) = send(&app, Request::get("/")).await;
    assert_eq!(trailers["checksum"], "7");
    let span = server(&telemetry);
    assert_eq!((span.status.clone(), value(&span, "error.type").as_str()), (Status::Unset, "-"));
    assert!(lasted(&span) >= Duration::from_millis(30), "{:?}", lasted(&span));
}

#[tokio::test]
async fn suppressed_requests_are_not_recorded_and_the_next_one_is() {
    let telemetry = Telemetry::default();
    let app = instrument(&telemetry, Router::new().route("/", get(async || "hello")));
    let suppressed = suppress_instrumentation(send(&app, Request::get("/"))).await;
    assert_eq!(suppressed.0, 200);
    assert_eq!(telemetry.spans().len(), 0);
    assert!(telemetry.metrics().is_empty());
    send(&app, Request::get("/")).await;
    assert_eq!(telemetry.spans().len(), 1);
}

#[tokio::test]
async fn statuses_below_500_are_no_errors() {
    let telemetry = Telemetry::default();
    let handler = async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap();
    let app = instrument(&telemetry, Router::new().route("/status/{code}", get(handler)));
    for (code, error) in [
        (200, false),
        (201, false),
        (301, false),
        (302, false),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (422, false),
        (429, false),
        (500, true),
        (501, true),
        (502, true),
        (503, true),
        (504, true),
        (505, true),
        (600, true),
    ] {
        let before = telemetry.spans().len();
        send(&app, Request::get(format!("/status/{code}"))).await;
        let span = telemetry.spans()[before].clone();
        assert_eq!(value(&span, "http.response.status_code"), code.to_string());
        assert_eq!(matches!(span.status, Status::Error { .. }), error, "{code}");
        assert_ne!(span.status, Status::Ok);
        let error_type = if error { code.to_string() } else { "-".to_owned() };
        assert_eq!(value(&span, "error.type"), error_type);
        assert!(span.events.is_empty());
    }
}

#[tokio::test]
async fn statuses_from_400_on_are_errors_of_clients() {
    let telemetry = Telemetry::default();
    let service = HttpClientLayer::new(telemetry.client_options()).layer(tower::service_fn(
        async |request: Request<u16>| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::from_u16(*request.body()).unwrap();
            Ok::<_, Infallible>(response)
        },
    ));
    for code in [200, 202, 226, 300, 399] {
        send_code(&service, &telemetry, code, false).await;
    }
    for code in [400, 401, 403, 404, 422, 429, 500, 501, 503, 504, 505, 600] {
        send_code(&service, &telemetry, code, true).await;
    }
}

#[tokio::test]
async fn an_error_handler_runs_once_and_in_the_trace_of_the_request() {
    struct NotYet(Arc<AtomicUsize>);
    impl IntoResponse for NotYet {
        fn into_response(self) -> Response {
            self.0.fetch_add(1, Ordering::Relaxed);
            let request = current_request().unwrap();
            let trace = request.span_context().trace_id().to_string();
            (StatusCode::NOT_IMPLEMENTED, [("x-trace", trace)]).into_response()
        }
    }
    let telemetry = Telemetry::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let handler = async move || Err::<(), _>(NotYet(seen));
    let app = instrument(&telemetry, Router::new().route("/foobar", get(handler)));
    let (status, headers, _) = send(&app, Request::get("/foobar")).await;
    assert_eq!((status, calls.load(Ordering::Relaxed)), (StatusCode::NOT_IMPLEMENTED, 1));
    let span = server(&telemetry);
    assert_eq!(headers["x-trace"], span.span_context.trace_id().to_string());
    assert_eq!(value(&span, "http.response.status_code"), "501");
    assert!(matches!(span.status, Status::Error { .. }));
}

#[tokio::test]
async fn middleware_that_fails_is_inside() {
    async fn refuse(_: Request<Body>, _: Next) -> Response {
        let error = "the store is gone";
        current_request().unwrap().record_error("store_unavailable", &error);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
    let telemetry = Telemetry::default();
    let app = Router::new().route("/foobar", get(async || "never"));
    let app = instrument(&telemetry, app.layer(middleware::from_fn(refuse)));
    send(&app, Request::get("/foobar")).await;
    let text = telemetry.spans().to_string();
    let wanted = ["GET", "route", "status_code", "error.type", "exception"];
    let lines = text.lines().filter(|line| wanted.iter().any(|it| line.contains(it)));
    assert_snapshot!(lines.map(str::trim).collect::<Vec<_>>().join("\n"), @r#"
    GET /foobar [server] error
    error.type = "store_unavailable"
    http.request.method = "GET"
    http.response.status_code = 500
    http.route = "/foobar"
    ! exception
    exception.message = "the store is gone"
    exception.type = "store_unavailable"
    "#);
}

#[tokio::test]
async fn an_upgrade_is_measured_at_its_head() {
    let telemetry = Telemetry::default();
    let handler = async || (StatusCode::SWITCHING_PROTOCOLS, [("upgrade", "websocket")], "");
    let options = telemetry
        .server_options()
        .trace_response(true)
        .capture_request_headers(["sec-websocket-protocol"])
        .capture_response_headers(["upgrade"]);
    let app = Router::new().route("/ws/{room}", get(handler));
    let app = logfire_rs_axum::instrument_with(app, options);
    let request = Request::get("/ws/1").header("sec-websocket-protocol", "chat");
    let (_, headers, _) = send(&app, request).await;
    assert!(headers["traceresponse"].to_str().unwrap().starts_with("00-"));
    assert_eq!(headers["access-control-expose-headers"], "server-timing, traceresponse");
    assert_snapshot!(format!("{}{}", telemetry.spans(), telemetry.metrics()), @r#"
    GET /ws/{room} [server]
        http.request.header.sec-websocket-protocol = ["chat"]
        http.request.method = "GET"
        http.response.header.upgrade = ["websocket"]
        http.response.status_code = 101
        http.route = "/ws/{room}"
        network.protocol.version = "1.1"
        url.path = "/ws/1"
        url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=101, http.route=/ws/{room}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test]
async fn a_sampler_of_the_provider_is_asked() {
    let telemetry = Telemetry::with_sampler(Sampler::TraceIdRatioBased(0.05));
    let app = instrument(&telemetry, Router::new().route("/", get(async || "hello")));
    for _ in 0..1000 {
        send(&app, Request::get("/")).await;
    }
    let sampled = telemetry.spans().len();
    assert!((15..100).contains(&sampled), "{sampled}");
    let metrics = telemetry.metrics().to_string();
    assert!(metrics.ends_with("count=1000\n"), "{metrics}");
}

#[tokio::test]
async fn the_error_of_a_service_reaches_its_caller() {
    let telemetry = Telemetry::default();
    let layer = HttpServerLayer::new(telemetry.server_options());
    let service =
        tower::ServiceBuilder::new().layer(layer).service_fn(async |_: Request<String>| {
            Err::<Response<String>, _>("whatever, with token=s3cret")
        });
    let error = service.oneshot(Request::new(String::new())).await.unwrap_err();
    assert_eq!(error, "whatever, with token=s3cret");
    let span = server(&telemetry);
    assert_eq!(span.status, Status::error("whatever, with token=REDACTED"));
    assert_eq!(value(&span, "error.type"), "_OTHER");
    assert_eq!(span.events.len(), 1);
}

#[tokio::test]
async fn the_request_is_current_from_the_first_call_on() {
    let telemetry = Telemetry::default();
    let layer = HttpServerLayer::new(telemetry.server_options());
    let inner = tower::service_fn(|_: Request<String>| {
        // Not in the future, but in the call that makes it.
        let trace = Context::current().span().span_context().trace_id();
        assert!(current_request().is_some());
        std::future::ready(Ok::<_, Infallible>(Response::new(trace.to_string())))
    });
    let mut service = tower::ServiceBuilder::new().layer(layer).service(inner);
    let response = service.ready().await.unwrap().call(Request::new(String::new())).await.unwrap();
    let trace = response.into_body().collect().await.unwrap().to_bytes();
    let span = server(&telemetry);
    assert_eq!(trace, span.span_context.trace_id().to_string());
    assert!(current_request().is_none());
}

#[test]
fn what_adapters_do_not_know_is_left_out() {
    let telemetry = Telemetry::default();
    let options: HttpServerOptions = telemetry.server_options();
    let instrumenter = HttpServerInstrumenter::new("test", "0", "TEST", options);
    let headers = HeaderMap::new();
    let mut span = instrumenter.start(&ServerRequest {
        method: "GET",
        scheme: None,
        authority: None,
        path: "/users/1",
        query: Some(""),
        route: Some(""),
        version: None,
        headers: &HttpHeaders(&headers),
        peer: Some(Peer::Unix("/run/app.sock")),
    });
    span.record_response(204, &HttpHeaders(&headers));
    drop(span);
    assert_snapshot!(telemetry.spans(), @r#"
    GET [server]
        client.address = "/run/app.sock"
        http.request.method = "GET"
        http.response.status_code = 204
        network.peer.address = "/run/app.sock"
        url.path = "/users/1"
        url.scheme = "http"
    "#);
}
