//! A service of hyper.

use std::hint::black_box;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::service::{Service, service_fn};
use hyper_util::service::TowerToHyperService;
use logfire_rs::{instrument_hyper, instrument_hyper_with};
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use tower::Layer as _;

use crate::configuration::Configuration;
use crate::on_axum::trace;
use crate::on_tower::answer;
use crate::request::{Requests, peer};
use crate::subscriber::Subscriber;
use crate::{Candidate, Drive};

/// Ours, and the peers as services of tower, which is what hyper can serve of them.
pub fn candidates() -> Vec<Candidate> {
    vec![
        Candidate::new("bare", |it| drive(service_fn(answer), it)),
        Candidate::new("**logfire-rs**", |it| {
            drive(instrument_hyper(service_fn(answer)).peer(peer(0)), it)
        }),
        Candidate::new("**logfire-rs**, trace", |it| {
            drive(instrument_hyper_with(service_fn(answer), trace()).peer(peer(0)), it)
        }),
        Candidate::new("opentelemetry-instrumentation-tower, trace", |it| {
            let layer = LayerBuilder::builder().with_metrics(false).build().expect("a layer");
            drive(TowerToHyperService::new(layer.layer(tower::service_fn(answer))), it)
        }),
        Candidate::new("opentelemetry-instrumentation-tower, trace and metrics", |it| {
            let layer = LayerBuilder::builder().build().expect("a layer");
            drive(TowerToHyperService::new(layer.layer(tower::service_fn(answer))), it)
        }),
        Candidate::traced(
            "axum-tracing-opentelemetry, trace",
            Subscriber::OpenTelemetry,
            |configuration| {
                let layer = axum_tracing_opentelemetry::middleware::OtelAxumLayer::default();
                let service = layer.layer(tower::service_fn(answer));
                drive(TowerToHyperService::new(service), configuration)
            },
        ),
    ]
}

fn drive<S, B>(service: S, configuration: Configuration) -> Drive
where
    S: Service<Request<Body>, Response = Response<B>> + 'static,
    B: http_body::Body,
{
    let mut requests = Requests::new(configuration);
    let runtime = crate::runtime();
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let Ok(response) = service.call(requests.make()).await else { return };
                let _ = black_box(response.into_body().collect().await.is_ok());
            }
        });
    })
}
