//! A client of tower: what a request costs that is sent. That of reqwest has the same engine, and no
//! way to be driven without a socket.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use logfire_rs_core::HttpClientOptions;
use logfire_rs_tower::HttpClientLayer;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower::{Layer as _, Service as _, service_fn};

use crate::{Configuration, Dropped, PEER, now};

pub(crate) const TRACE: Configuration = Configuration {
    name: "tower-client-trace",
    build: || client(Some(trace().metrics(false))),
    bare: || client(None),
};

pub(crate) const TRACE_METRICS: Configuration = Configuration {
    name: "tower-client-trace-metrics",
    build: || client(Some(trace())),
    bare: || client(None),
};

pub(crate) const TRACE_METRICS_BOUND: Configuration =
    Configuration { name: "tower-client-trace-metrics-bound", ..TRACE_METRICS };

fn trace() -> HttpClientOptions {
    let tracer_provider = SdkTracerProvider::builder().with_span_processor(Dropped).build();
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default())
        .with_interval(Duration::from_secs(3600))
        .build();
    let meter_provider = SdkMeterProvider::builder().with_reader(reader).build();
    let options = HttpClientOptions::default().env_lookup(|_| None);
    options.tracer_provider(tracer_provider).meter_provider(meter_provider)
}

fn client(options: Option<HttpClientOptions>) -> Box<dyn FnMut()> {
    async fn answer(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
    }
    let mut turn = 0;
    match options {
        Some(options) => {
            let layer = HttpClientLayer::new(options).peer(|_| Some(PEER));
            let mut client = layer.layer(service_fn(answer));
            Box::new(move || {
                turn += 1;
                let response = now(client.call(request(turn)));
                let _ = now(response.expect("an answer").into_body().collect());
            })
        }
        None => Box::new(move || {
            turn += 1;
            let response = now(answer(request(turn)));
            let _ = now(response.expect("an answer").into_body().collect());
        }),
    }
}

/// What an application sends.
fn request(turn: u32) -> Request<Full<Bytes>> {
    Request::builder()
        .uri(format!("http://stock.example:8080/items/{}", turn % 16))
        .header("accept", "application/json")
        .body(Full::default())
        .expect("a valid request")
}
