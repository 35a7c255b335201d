//! What one request costs: the services that are measured, one route with a parameter and a small
//! answer, driven in one thread without sockets.

#![expect(clippy::expect_used, reason = "a program that cannot go on says so at once")]

mod client;
mod endpoint;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use logfire_rs_core::HttpServerOptions;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tower::{Service as _, service_fn};

/// A service to measure, and the same one without instrumentation.
#[derive(Debug)]
pub struct Configuration {
    /// What it is called.
    pub name: &'static str,
    /// Makes the service; each call of it handles one request.
    pub build: fn() -> Box<dyn FnMut()>,
    /// The same without instrumentation.
    pub bare: fn() -> Box<dyn FnMut()>,
}

/// What is measured.
pub const CONFIGURATIONS: &[Configuration] = if cfg!(feature = "bound") { BOUND } else { PLAIN };

const BOUND: &[Configuration] = &[
    Configuration {
        name: "axum-trace-metrics-bound",
        build: || axum(Some(trace()), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "axum-metrics-bound",
        build: || axum(Some(trace().spans(false)), ""),
        bare: || axum(None, ""),
    },
    client::TRACE_METRICS_BOUND,
];

const PLAIN: &[Configuration] = &[
    Configuration {
        name: "axum-trace",
        build: || axum(Some(trace().metrics(false)), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "axum-trace-metrics",
        build: || axum(Some(trace()), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "axum-traceparent",
        build: || axum(Some(trace().metrics(false)), PARENT),
        bare: || axum(None, PARENT),
    },
    Configuration {
        name: "axum-unsampled",
        build: || axum(Some(unsampled().metrics(false)), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "axum-trace-excluding",
        build: || axum(Some(trace().metrics(false).excluded_urls(EXCLUDED)), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "axum-metrics",
        build: || axum(Some(trace().spans(false)), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "axum-no-sdk",
        build: || axum(Some(no_sdk()), ""),
        bare: || axum(None, ""),
    },
    Configuration {
        name: "tower-trace",
        build: || tower(Some(trace().metrics(false))),
        bare: || tower(None),
    },
    client::TRACE,
    client::TRACE_METRICS,
    endpoint::SAMPLED,
    endpoint::UNSAMPLED,
];

/// What the request is not.
const EXCLUDED: [&str; 3] = ["/health", "/internal/", r"\.png$"];

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn trace() -> HttpServerOptions {
    options(Sampler::AlwaysOn)
}

fn unsampled() -> HttpServerOptions {
    options(Sampler::AlwaysOff)
}

fn no_sdk() -> HttpServerOptions {
    HttpServerOptions::default().env_lookup(|_| None)
}

fn options(sampler: Sampler) -> HttpServerOptions {
    let tracer_provider =
        SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(Dropped).build();
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default())
        .with_interval(Duration::from_secs(3600))
        .build();
    let meter_provider = SdkMeterProvider::builder().with_reader(reader).build();
    no_sdk().tracer_provider(tracer_provider).meter_provider(meter_provider)
}

/// Frees spans at once: what an exporter does with them is not ours to count.
#[derive(Debug)]
struct Dropped;

impl SpanProcessor for Dropped {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}
    fn on_end(&self, _: SpanData) {}
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn axum(options: Option<HttpServerOptions>, parent: &'static str) -> Box<dyn FnMut()> {
    let app = Router::new().route("/users/{id}", get(|Path(_): Path<u32>| async { "{}" }));
    let app: Router = match options {
        Some(options) => logfire_rs_axum::instrument_with(app, options),
        None => app,
    };
    serve(app, parent)
}

fn serve(app: Router, parent: &'static str) -> Box<dyn FnMut()> {
    // As `axum::serve` does: without it each request would make its handler anew.
    let app: Router = app.with_state(());
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        let mut request = request(turn, parent, Body::empty());
        request.extensions_mut().insert(ConnectInfo(PEER));
        let response = now(app.clone().call(request)).expect("an answer");
        let _ = now(response.into_body().collect());
    })
}

fn tower(options: Option<HttpServerOptions>) -> Box<dyn FnMut()> {
    async fn answer(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
    }
    let mut turn = 0;
    match options {
        Some(options) => {
            let mut service = logfire_rs_tower::instrument_with(service_fn(answer), options);
            Box::new(move || {
                turn += 1;
                let response = now(service.call(request(turn, "", Full::default())));
                let _ = now(response.expect("an answer").into_body().collect());
            })
        }
        None => Box::new(move || {
            turn += 1;
            let response = now(answer(request(turn, "", Full::default())));
            let _ = now(response.expect("an answer").into_body().collect());
        }),
    }
}

const PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)), 4711);

/// What a browser sends.
fn request<B>(turn: u32, parent: &str, body: B) -> Request<B> {
    let mut request = Request::builder()
        .uri(format!("/users/{}", turn % 16))
        .header("host", "shop.example")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101")
        .header("accept", "text/html,application/xhtml+xml")
        .header("accept-language", "en-US,en;q=0.5")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("connection", "keep-alive")
        .header("upgrade-insecure-requests", "1")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-site", "none");
    if !parent.is_empty() {
        request = request.header("traceparent", parent);
    }
    request.body(body).expect("a valid request")
}

/// The value of a future that never waits.
fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}
