//! A plain tower service, without routes.

use std::convert::Infallible;
use std::hint::black_box;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use logfire_rs::{instrument_tower, instrument_tower_with};
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_http_opentelemetry::http::server::{HttpServerTelemetryConfig, HttpServerTelemetryLayer};
use tracing::Level;

use crate::configuration::Configuration;
use crate::on_axum::{metrics, trace, with_provider};
use crate::request::{ANSWER, Requests};
use crate::subscriber::Subscriber;
use crate::{Candidate, Drive};

/// Everything that instruments a service of `http` 1.x.
pub fn candidates() -> Vec<Candidate> {
    use Subscriber::OpenTelemetry;
    vec![
        Candidate::new("bare", |it| drive(service_fn(answer), it)),
        Candidate::new("**logfire-rs**", |it| drive(instrument_tower(service_fn(answer)), it)),
        Candidate::new("**logfire-rs**, trace", |it| {
            drive(instrument_tower_with(service_fn(answer), trace()), it)
        }),
        Candidate::new("**logfire-rs**, trace, provider in the options", |it| {
            drive(instrument_tower_with(service_fn(answer), with_provider(trace())), it)
        }),
        Candidate::new("**logfire-rs**, metrics", |it| {
            drive(instrument_tower_with(service_fn(answer), metrics()), it)
        }),
        Candidate::new("opentelemetry-instrumentation-tower, trace", |it| {
            let layer = LayerBuilder::builder().with_metrics(false).build().expect("a layer");
            drive(layer.layer(service_fn(answer)), it)
        }),
        Candidate::new("opentelemetry-instrumentation-tower, trace and metrics", |it| {
            let layer = LayerBuilder::builder().build().expect("a layer");
            drive(layer.layer(service_fn(answer)), it)
        }),
        Candidate::traced("axum-tracing-opentelemetry, trace", OpenTelemetry, |it| {
            let layer = axum_tracing_opentelemetry::middleware::OtelAxumLayer::default();
            drive(layer.layer(service_fn(answer)), it)
        }),
        Candidate::traced("tower-http-opentelemetry, trace", OpenTelemetry, |it| {
            let mut config = HttpServerTelemetryConfig::default();
            config.metrics.request_duration.enabled = false;
            let layer = HttpServerTelemetryLayer::with_config(config);
            drive(layer.layer(service_fn(answer)), it)
        }),
        Candidate::traced("tower-otel, trace", OpenTelemetry, |it| {
            let layer = tower_otel::trace::HttpLayer::server(Level::INFO);
            drive(layer.layer(service_fn(answer)), it)
        }),
    ]
}

pub(crate) async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    black_box(&request);
    let mut response = Response::new(Body::from(ANSWER));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn drive<S, B>(service: S, configuration: Configuration) -> Drive
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    B: http_body::Body,
{
    let mut requests = Requests::new(configuration);
    let runtime = crate::runtime();
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let Ok(response) = service.clone().oneshot(requests.make()).await else { return };
                let _ = black_box(response.into_body().collect().await.is_ok());
            }
        });
    })
}
