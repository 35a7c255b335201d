//! Wherever axum takes a layer, and with whatever body.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::error_handling::HandleErrorLayer;
use axum::extract::Request;
use axum::handler::Handler as _;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::routing::{any, get, post};
use axum::{Router, ServiceExt as _};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full};
use logfire_rs_axum::{HttpServerOptions, instrument_with, layer};
use logfire_rs_core::DistributedTracing;
use logfire_rs_core::opentelemetry::Context;
use logfire_rs_core::opentelemetry::baggage::BaggageExt as _;
use logfire_rs_core::opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

use crate::Spans;

async fn hello() -> &'static str {
    "hello"
}

#[tokio::test]
async fn wherever_axum_takes_a_layer() {
    let spans = Spans::new();
    let layer = || layer(spans.options());
    let routes = || Router::new().route("/{x}", get(hello));
    let on_handler = Router::new().route("/{x}", get(hello.layer(layer())));
    let on_method = Router::new().route("/{x}", get(hello).layer(layer()));
    let on_method_route = Router::new().route("/{x}", get(hello).route_layer(layer()));
    let with = "GET /{x} | route /{x} | path /a | 200 | -";
    for app in [
        routes().layer(layer()),
        routes().route_layer(layer()),
        on_handler,
        on_method,
        on_method_route,
        Router::new().merge(routes().layer(layer())),
        routes().layer(from_fn(pass)).layer(layer()),
        routes().layer(layer()).layer(from_fn(pass)),
        routes()
            .layer(ServiceBuilder::new().layer(from_fn(pass)).layer(layer()).layer(from_fn(pass))),
        routes().layer(ServiceBuilder::new().layer(layer()).layer(CompressionLayer::new())),
        routes().layer(ServiceBuilder::new().layer(CompressionLayer::new()).layer(layer())),
        routes().layer(ServiceBuilder::new().layer(CatchPanicLayer::new()).layer(layer())),
        routes().layer(ServiceBuilder::new().layer(layer()).layer(CatchPanicLayer::new())),
        routes().layer(ServiceBuilder::new().layer(TraceLayer::new_for_http()).layer(layer())),
        routes().layer(ServiceBuilder::new().layer(layer()).layer(TraceLayer::new_for_http())),
        routes().layer(
            ServiceBuilder::new()
                .layer(layer())
                .layer(HandleErrorLayer::new(async |_| StatusCode::REQUEST_TIMEOUT))
                .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(60))),
        ),
        routes().layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(async |_| StatusCode::REQUEST_TIMEOUT))
                .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(60)))
                .layer(layer()),
        ),
        routes().layer(
            ServiceBuilder::new()
                .map_response(|it: Response<Body>| it.map(Body::new))
                .layer(layer())
                .map_response(|it: Response<Body>| it.map(|_| Full::<Bytes>::from("x"))),
        ),
    ] {
        assert_eq!(spans.of(&app, "GET /a").await, with);
    }
    let nested = Router::new().nest("/n", routes().layer(layer()));
    assert_eq!(
        spans.of(&nested, "GET /n/a").await,
        "GET /n/{x} | route /n/{x} | path /n/a | 200 | -"
    );
    let fallback = Router::new().fallback(hello.layer(layer()));
    assert_eq!(spans.of(&fallback, "GET /a").await, "GET | route - | path /a | 200 | -");
    let boxed: BoxCloneSyncService<Request, Response<Body>, Infallible> =
        BoxCloneSyncService::new(layer().layer(routes()));
    let app = Router::new().fallback_service(boxed);
    assert_eq!(spans.of(&app, "GET /a").await, "GET | route - | path /a | 200 | -");
    let _ = layer().layer(routes()).into_make_service();
    let service = Router::new().nest_service("/s", layer().layer(routes()));
    assert_eq!(spans.of(&service, "GET /s/a").await, "GET | route - | path /s/a | 200 | -");
}

async fn pass(request: Request, next: Next) -> Response<Body> {
    next.run(request).await
}

/// What is left of a body that passes the layer.
async fn answer(app: &Router, method: &str, path: &str) -> String {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let length = response.headers().get("content-length").cloned();
    let (end, hint) = (response.body().is_end_stream(), response.body().size_hint());
    let body = response.into_body().collect().await;
    let trailers = body.as_ref().ok().and_then(|it| it.trailers().cloned());
    let body = body.map(http_body_util::Collected::to_bytes);
    format!("{length:?} {end} {:?} {body:?} {trailers:?}", (hint.lower(), hint.upper()))
}

#[tokio::test]
async fn a_body_is_what_it_is_without_the_layer() {
    let trailers = || async {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        Body::new(Full::<Bytes>::from("a").with_trailers(async { Some(Ok(trailers)) }))
    };
    let stream = || async {
        let parts = ["a", "b"].map(Ok::<_, Infallible>);
        Body::from_stream(futures_util::stream::iter(parts))
    };
    let broken = || async {
        let parts = vec![Ok("a"), Err(std::io::Error::other("broken"))];
        Body::from_stream(futures_util::stream::iter(parts))
    };
    let router = Router::new()
        .route("/text", any(hello))
        .route("/empty", any(|| async {}))
        .route("/204", any(|| async { StatusCode::NO_CONTENT }))
        .route("/304", any(|| async { (StatusCode::NOT_MODIFIED, [("etag", "x")], "ignored") }))
        .route("/stream", any(stream))
        .route("/broken", any(broken))
        .route("/trailers", any(trailers));
    let spans = Spans::new();
    for options in [
        spans.options(),
        spans.options().spans(false),
        spans.options().excluded_urls(["."]),
        spans.options().span_end(logfire_rs_core::SpanEnd::Head),
        spans.options().record_send_receive(true).record_body_sizes(true),
    ] {
        let app = instrument_with(router.clone(), options);
        for method in ["GET", "HEAD", "POST"] {
            for path in
                ["/text", "/empty", "/204", "/304", "/stream", "/broken", "/trailers", "/none"]
            {
                let with = answer(&app, method, path).await;
                assert_eq!(with, answer(&router, method, path).await, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_body_of_a_request_is_seen_whoever_asks() {
    let spans = Spans::new();
    let plain = || spans.options();
    let asking = || spans.options().record_body_sizes(true);
    let routes =
        || Router::new().route("/", post(|body: String| async move { body.len().to_string() }));
    let around = |inner: Router, outer: HttpServerOptions| {
        let outer = logfire_rs_tower::HttpServerLayer::new(outer);
        Router::new().fallback_service(outer.layer(inner))
    };
    for (name, app, seen) in [
        ("one", instrument_with(routes(), asking()), true),
        ("outer", routes().layer(layer(plain())).layer(layer(asking())), true),
        ("inner", routes().layer(layer(asking())).layer(layer(plain())), false),
        ("both", routes().layer(layer(asking())).layer(layer(asking())), true),
        ("tower", around(instrument_with(routes(), plain()), asking()), true),
        ("tower both", around(instrument_with(routes(), asking()), asking()), true),
        ("tower, inner", around(instrument_with(routes(), asking()), plain()), false),
        ("idle", instrument_with(routes().layer(layer(asking())), plain().spans(false)), true),
    ] {
        let request = Request::post("/").body(Body::from("12345")).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "5", "{name}");
        let [span] = spans.take().try_into().unwrap();
        let size = span.attributes.iter().find(|it| it.key.as_str() == "http.request.body.size");
        assert_eq!(size.map(|it| it.value.to_string()).as_deref(), seen.then_some("5"), "{name}");
    }
}

/// Trace, whether it is sampled, and baggage of the current context.
fn seen() -> String {
    let context = Context::current();
    let span = context.span();
    let parent = span.span_context();
    let tenant = context.baggage().get("tenant").map_or("-", |it| it.as_str()).to_owned();
    match parent.trace_id().to_string().get(..4) {
        Some(id) if parent.is_valid() => format!("{id} {} {tenant}", parent.is_sampled()),
        _ => format!("- {tenant}"),
    }
}

#[tokio::test]
async fn what_is_not_recorded_is_passed_on_to_the_handler_and_to_its_body() {
    let spans = Spans::new();
    let none = || spans.options().spans(false);
    let handler = || async {
        let told = seen();
        let frames = [0, 1].map(|_| std::future::ready(()));
        let frames = futures_util::stream::iter(frames).then(|it| async {
            it.await;
            Ok::<_, Infallible>(format!(" | {}", seen()))
        });
        let head = futures_util::stream::iter([Ok(told)]);
        Body::from_stream(head.chain(frames))
    };
    let excluded = || none().excluded_urls(["."]);
    let plain = Router::new().route("/", get(handler));
    for (name, options, expected) in [
        ("none", none(), "0af7 true acme"),
        ("excluded", excluded(), "0af7 false acme"),
        ("closure", none().exclude(|it| it.headers.first("baggage").is_some()), "0af7 false acme"),
        (
            "closure, another",
            none().exclude(|it| it.headers.first("x").is_some()),
            "0af7 true acme",
        ),
        ("route", none().exclude_routes(["/"]), "0af7 false acme"),
        ("children", excluded().exclude_children(false), "0af7 true acme"),
        (
            "recorded, children",
            spans.options().exclude(|_| true).exclude_children(false),
            "0af7 true acme",
        ),
        ("recorded, excluded", spans.options().exclude(|_| true), "0af7 false acme"),
        ("link", none().distributed_tracing(DistributedTracing::Link), "- -"),
        ("ignore", none().distributed_tracing(DistributedTracing::Ignore), "- -"),
        ("trace alone", none().propagator(TraceContextPropagator::new()), "0af7 true -"),
        ("baggage alone", none().propagator(BaggagePropagator::new()), "- acme"),
    ] {
        let app = instrument_with(plain.clone(), options.clone());
        let twice = instrument_with(app.clone(), options);
        for app in [&app, &app, &twice] {
            let request = Request::get("/")
                .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
                .header("baggage", "tenant=acme");
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, [expected; 3].join(" | "), "{name}");
        }
        assert_eq!(spans.take().len(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_inner_layer_records_what_an_outer_one_only_passes_on() {
    let spans = Spans::new();
    let inner = || Router::new().route("/", get(hello)).layer(layer(spans.options()));
    let passing = || spans.options().spans(false);
    for (outer, count) in [(passing(), 1), (passing().exclude(|_| true), 0), (spans.options(), 1)] {
        let app = instrument_with(inner(), outer);
        for header in ["x", "traceparent", "baggage"] {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let request = Request::get("/").header(header, parent).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap();
            let recorded = spans.take();
            assert_eq!(recorded.len(), count, "{header}");
            for span in recorded {
                let parent = span.parent_span_id.to_string();
                assert_eq!(parent == "b7ad6b7169203331", header == "traceparent");
            }
        }
    }
}

#[cfg(feature = "endpoint")]
mod endpoint {
    #[logfire_rs_axum::endpoint]
    pub(super) async fn number(axum::Json(number): axum::Json<u32>) -> String {
        number.to_string()
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_as_without_the_layer() {
    let spans = Spans::new();
    let layer = || layer(spans.options().record_body_sizes(true));
    let routes = || {
        let text = |body: String| async { body };
        let router = Router::new().route("/", post(text));
        #[cfg(feature = "endpoint")]
        let router = router.route("/endpoint", post(endpoint::number));
        router
    };
    let limit = || RequestBodyLimitLayer::new(4);
    for (inside, app) in [
        (true, routes().layer(limit()).layer(layer())),
        (true, routes().layer(ServiceBuilder::new().layer(layer()).layer(limit()))),
        (false, routes().layer(layer()).layer(limit())),
    ] {
        for (path, length, body, expected) in [
            ("/", None, "1234", StatusCode::OK),
            ("/", None, "12345", StatusCode::PAYLOAD_TOO_LARGE),
            ("/", Some(5), "12345", StatusCode::PAYLOAD_TOO_LARGE),
            #[cfg(feature = "endpoint")]
            ("/endpoint", None, "1234", StatusCode::OK),
            #[cfg(feature = "endpoint")]
            ("/endpoint", None, "12345", StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let parts = body.as_bytes().chunks(2).map(Ok::<_, Infallible>);
            let stream = Body::from_stream(futures_util::stream::iter(parts));
            let mut request = Request::post(path).header("content-type", "application/json");
            if let Some(length) = length {
                request = request.header("content-length", length);
            }
            let response = app.clone().oneshot(request.body(stream).unwrap()).await.unwrap();
            assert_eq!(response.status(), expected, "{path} {length:?} {body} {inside}");
            response.into_body().collect().await.unwrap();
            // What a layer further out answers by itself is not seen.
            let count = usize::from(inside || length.is_none());
            assert_eq!(spans.take().len(), count, "{length:?} {body}");
        }
    }
}

#[tokio::test]
async fn what_is_marked_as_secret_is_not_recorded() {
    let spans = Spans::new();
    let options = spans.options().trusted_proxies(1).capture_headers(true);
    let app = instrument_with(Router::new().route("/", get(hello)), options);
    let secret = |text: &str| {
        let mut value = HeaderValue::try_from(text).unwrap();
        value.set_sensitive(true);
        value
    };
    for others in [0, 20] {
        let mut request = Request::get("/")
            .header("host", secret("hunter2.example"))
            .header("user-agent", secret("hunter2"))
            .header("x-forwarded-for", secret("192.0.2.222"))
            .header("x-forwarded-host", secret("hunter2.example"));
        for other in 0..others {
            request = request.header(format!("x-{other}"), "other");
        }
        let request = request.body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let [span] = spans.take().try_into().unwrap();
        let shown = format!("{:?}", span.attributes);
        assert!(!shown.contains("hunter2") && !shown.contains("192.0.2.222"), "{shown}");
    }
}
