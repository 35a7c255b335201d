//! Services of axum.

use std::hint::black_box;

use axum::extract::{Path, Query};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use logfire_rs::{HttpServerOptions, instrument_axum, instrument_axum_with};
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;
use tower_http_opentelemetry::extract::{AxumConnectInfoExtractor, AxumHttpRouteExtractor};
use tower_http_opentelemetry::http::server::{HttpServerTelemetryConfig, HttpServerTelemetryLayer};
use tracing::Level;

use crate::request::{Requests, TO_CAPTURE, VARIETY};
use crate::subscriber::Subscriber;
use crate::{Candidate, Drive, telemetry, telemetry_0_32};

/// How the router is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// As `axum::serve` does: it gives the router its state, which makes the handlers once.
    Served,
    /// As a service that is called: it makes its handlers with each request.
    Direct,
}

pub(crate) type Instrument = fn(Router) -> Router;

/// Everything that instruments a router.
pub fn candidates(serving: Serving) -> Vec<Candidate> {
    let candidate = |name, subscriber, instrument: Instrument| {
        Candidate::traced(name, subscriber, move |configuration| {
            let app = instrument(router());
            let app = if serving == Serving::Served { app.with_state(()) } else { app };
            drive(app, Requests::new(configuration))
        })
    };
    let mut all = vec![
        candidate("bare", Subscriber::None, |app| app),
        candidate("a layer that does nothing", Subscriber::None, |app| {
            app.layer(tower::layer::util::Identity::new())
        }),
    ];
    let ours: [(_, Instrument); 5] = [
        ("**logfire-rs**", instrument_axum),
        ("**logfire-rs**, trace", |app| instrument_axum_with(app, trace())),
        ("**logfire-rs**, trace, provider in the options", |app| {
            instrument_axum_with(app, with_provider(trace()))
        }),
        ("**logfire-rs**, metrics", |app| instrument_axum_with(app, metrics())),
        ("**logfire-rs**, trace, two headers captured", |app| {
            instrument_axum_with(app, trace().capture_request_headers(TO_CAPTURE))
        }),
    ];
    all.extend(ours.map(|(name, instrument)| candidate(name, Subscriber::None, instrument)));
    all.extend(
        peers().map(|(name, subscriber, instrument)| candidate(name, subscriber, instrument)),
    );
    all
}

/// The trace alone.
pub(crate) fn trace() -> HttpServerOptions {
    HttpServerOptions::default().metrics(false)
}

/// The metrics alone.
pub(crate) fn metrics() -> HttpServerOptions {
    HttpServerOptions::default().spans(false)
}

/// With the installed provider, which is otherwise found by itself.
pub(crate) fn with_provider(options: HttpServerOptions) -> HttpServerOptions {
    match telemetry::tracers() {
        Some(provider) => options.tracer_provider(provider),
        None => options,
    }
}

type Peer = (&'static str, Subscriber, Instrument);

fn peers() -> impl Iterator<Item = Peer> {
    use Subscriber::{None, OpenTelemetry, Registry, Tuned};
    let peers: [Peer; 14] = [
        ("opentelemetry-instrumentation-tower, trace", None, |app| {
            app.layer(LayerBuilder::builder().with_metrics(false).build().expect("a layer"))
        }),
        ("opentelemetry-instrumentation-tower, metrics", None, |app| {
            app.layer(LayerBuilder::builder().with_tracing(false).build().expect("a layer"))
        }),
        ("opentelemetry-instrumentation-tower, trace and metrics", None, with_tower_peer),
        ("axum-tracing-opentelemetry, trace", OpenTelemetry, |app| {
            app.layer(axum_tracing_opentelemetry::middleware::OtelAxumLayer::default())
        }),
        ("axum-tracing-opentelemetry, trace, least options", Tuned, |app| {
            app.layer(axum_tracing_opentelemetry::middleware::OtelAxumLayer::default())
        }),
        ("tower-http `TraceLayer`, no OpenTelemetry", Registry, |app| app.layer(trace_layer())),
        ("tower-http `TraceLayer`, trace", OpenTelemetry, |app| app.layer(trace_layer())),
        ("axum-otel, trace", OpenTelemetry, |app| {
            let layer = tower_http_0_6::trace::TraceLayer::new_for_http()
                .make_span_with(axum_otel::AxumOtelSpanCreator::new().level(Level::INFO))
                .on_response(axum_otel::AxumOtelOnResponse::new())
                .on_failure(axum_otel::AxumOtelOnFailure::new());
            app.layer(layer)
        }),
        ("tower-http-opentelemetry, trace", OpenTelemetry, |app| {
            tower_http_opentelemetry(app, false)
        }),
        ("tower-http-opentelemetry, trace and metrics", OpenTelemetry, |app| {
            tower_http_opentelemetry(app, true)
        }),
        ("tower-otel, trace", OpenTelemetry, |app| {
            app.layer(tower_otel::trace::HttpLayer::server(Level::INFO))
        }),
        ("tower-otel, metrics", None, |app| app.layer(tower_otel_metrics())),
        ("tower-otel, trace and metrics", OpenTelemetry, |app| {
            app.layer(tower_otel_metrics()).layer(tower_otel::trace::HttpLayer::server(Level::INFO))
        }),
        ("axum-otel-metrics (0.32), metrics", None, |app| {
            let meters = telemetry_0_32::meters();
            app.layer(
                axum_otel_metrics::HttpMetricsLayerBuilder::new().with_provider(meters).build(),
            )
        }),
    ];
    peers.into_iter()
}

/// The peer that costs least.
pub(crate) fn with_tower_peer(app: Router) -> Router {
    app.layer(LayerBuilder::builder().build().expect("a layer"))
}

type TraceLayer = tower_http::trace::TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
>;

fn trace_layer() -> TraceLayer {
    use tower_http::trace::{DefaultMakeSpan, TraceLayer};
    TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().level(Level::INFO))
}

fn tower_http_opentelemetry(app: Router, metrics: bool) -> Router {
    let mut config = HttpServerTelemetryConfig::default();
    config.metrics.request_duration.enabled = metrics;
    let layer = HttpServerTelemetryLayer::with_config(config)
        .with_http_route_extractor(AxumHttpRouteExtractor)
        .with_client_address_extractor(AxumConnectInfoExtractor)
        .with_network_peer_address_extractor(AxumConnectInfoExtractor);
    app.layer(layer)
}

fn tower_otel_metrics() -> tower_otel::metrics::HttpLayer {
    tower_otel::metrics::HttpLayer::server(&opentelemetry::global::meter("bench"))
}

/// fastrace, by itself: its collector takes time from whatever else is measured.
pub fn fastrace() -> Vec<Candidate> {
    let candidate = |name, instrument: Instrument| {
        Candidate::new(name, move |configuration| {
            drive(instrument(router()).with_state(()), Requests::new(configuration))
        })
    };
    vec![
        candidate("bare", |app| app),
        candidate("**logfire-rs**, trace", |app| instrument_axum_with(app, trace())),
        candidate("fastrace-axum, trace", |app| {
            crate::client::report_to_fastrace();
            app.layer(fastrace_axum::FastraceLayer::default())
        }),
    ]
}

/// A handler with two arguments, recorded and not.
pub fn endpoint() -> Vec<Candidate> {
    let candidate = |name, app: fn() -> Router| {
        Candidate::new(name, move |configuration| {
            let uris = (0..VARIETY).map(|it| format!("/users/{it}?fields=name"));
            let app = instrument_axum_with(app(), trace()).with_state(());
            drive(app, Requests::to(uris, configuration))
        })
    };
    vec![
        candidate("**logfire-rs**, trace, a handler with two arguments", || {
            Router::new().route("/users/{id}", get(fields_of_user))
        }),
        candidate("**logfire-rs**, trace, the same with `#[endpoint]`", || {
            Router::new().route("/users/{id}", get(recorded_fields_of_user))
        }),
    ]
}

/// A router with so many routes, each of which is asked in turn.
pub fn routes(count: usize) -> Vec<Candidate> {
    let candidate = |name, instrument: Instrument| {
        Candidate::new(name, move |configuration| {
            let app = (0..count).fold(Router::new(), |app, it| {
                app.route(&format!("/resources-{it}/{{id}}"), get(user))
            });
            let uris = (0..count).map(|it| format!("/resources-{it}/{it}"));
            let mut drive =
                drive(instrument(app).with_state(()), Requests::to(uris, configuration));
            // Each route has had its first request.
            drive(count as u32);
            drive
        })
    };
    vec![candidate("bare", |app| app), candidate("**logfire-rs**", instrument_axum)]
}

/// A service that always has so many requests, which wait for each other before they are answered.
pub fn at_once(requests: u32) -> Vec<Candidate> {
    let candidate = |name, instrument: Instrument| {
        Candidate::new(name, move |configuration| {
            let app = Router::new().route("/users/{id}", get(user_after_others));
            let app = instrument(app).with_state(());
            drive_at_once(app, Requests::new(configuration), requests)
        })
    };
    vec![candidate("bare", |app| app), candidate("**logfire-rs**", instrument_axum)]
}

async fn user_after_others(Path(id): Path<u64>) -> Json<User> {
    tokio::task::yield_now().await;
    Json(User { id, ..ADA })
}

fn drive_at_once(app: Router, mut requests: Requests, at_once: u32) -> Drive {
    let runtime = crate::runtime();
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count / at_once {
                let sent = (0..at_once).map(|_| {
                    let answered = app.clone().oneshot(requests.make());
                    async {
                        let response = answered.await.expect("an answer");
                        let _ = black_box(response.into_body().collect().await);
                    }
                });
                join_all(sent.collect::<Vec<_>>()).await;
            }
        });
    })
}

#[derive(Deserialize, Serialize)]
struct Fields {
    fields: String,
}

async fn fields_of_user(Path(id): Path<u64>, Query(fields): Query<Fields>) -> Json<User> {
    black_box(fields);
    Json(User { id, ..ADA })
}

#[logfire_rs::axum::endpoint]
async fn recorded_fields_of_user(Path(id): Path<u64>, Query(fields): Query<Fields>) -> Json<User> {
    black_box(fields);
    Json(User { id, ..ADA })
}

#[derive(Serialize)]
struct User {
    id: u64,
    name: &'static str,
    active: bool,
}

const ADA: User = User { id: 0, name: "Ada Lovelace", active: true };

async fn user(Path(id): Path<u64>) -> Json<User> {
    Json(User { id, ..ADA })
}

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "ok"))
        .route("/health", get(async || "ok"))
        .route("/users", get(async || "[]").post(async || "created"))
        .route("/users/{id}", get(user).delete(async || "gone"))
        .route("/users/{id}/posts", get(async || "[]"))
}

/// As `axum::serve`, it clones the router for each request.
pub(crate) fn drive(app: Router, mut requests: Requests) -> Drive {
    let runtime = crate::runtime();
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let response = app.clone().oneshot(requests.make()).await.expect("an answer");
                let _ = black_box(response.into_body().collect().await);
            }
        });
    })
}
