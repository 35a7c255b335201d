//! Bound instruments export what plain ones do: `cargo test -p logfire-rs-budget --features bound`, and without it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Version};
use axum::routing::get;
use logfire_rs_core::opentelemetry::KeyValue;
use logfire_rs_core::{HttpClientOptions, HttpServerOptions, PerRequest, current_request};
use logfire_rs_tower::HttpClientLayer;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tower::{Layer as _, ServiceExt as _, service_fn};

#[tokio::test]
async fn every_request_is_in_the_series_of_its_attributes() {
    let (exporter, provider) = meter();
    let options =
        HttpServerOptions::default().env_lookup(|_| None).meter_provider(provider.clone());
    let app: Router = Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/bad", get(|| async { StatusCode::BAD_REQUEST }))
        .route("/failed", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/panics", get(panics))
        .route("/tenant", get(tenant));
    let app = logfire_rs_axum::instrument_with(app, options);

    for path in ["/ok", "/ok", "/bad", "/failed", "/panics", "/tenant", "/nowhere", "/ok"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let app = app.clone();
        let answer = tokio::spawn(async move {
            let answer = app.oneshot(request).await.unwrap();
            let _ = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        });
        assert_eq!(answer.await.is_err(), path == "/panics");
    }
    let get = "http.request.method=GET network.protocol.version=1.1";
    let expected = [
        (format!("{get} http.response.status_code=200 http.route=/ok"), 3),
        (format!("{get} http.response.status_code=200 http.route=/tenant tenant=acme"), 1),
        (format!("{get} http.response.status_code=400 http.route=/bad"), 1),
        (format!("{get} http.response.status_code=404"), 1),
        (format!("{get} error.type=500 http.response.status_code=500 http.route=/failed"), 1),
        (format!("{get} error.type=panic http.route=/panics"), 1),
    ];
    assert_eq!(exported(&exporter, &provider), told(expected));
}

#[tokio::test]
async fn every_request_of_a_client_is_in_the_series_of_its_attributes() {
    async fn answer(request: Request<Body>) -> std::io::Result<Response<Body>> {
        let status = match request.uri().path() {
            "/refused" => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            "/failed" => StatusCode::INTERNAL_SERVER_ERROR,
            "/missing" => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        let version =
            if request.uri().path() == "/new" { Version::HTTP_2 } else { Version::HTTP_11 };
        let mut response = Response::new(Body::empty());
        (*response.status_mut(), *response.version_mut()) = (status, version);
        Ok(response)
    }

    let (exporter, provider) = meter();
    let options = HttpClientOptions::default()
        .env_lookup(|_| None)
        .spans(false)
        .meter_provider(provider.clone())
        .request_hook(|span, request| {
            if request.url.ends_with("/tenant") {
                span.add_metric_attribute(KeyValue::new("tenant", "acme"));
            }
        });
    let client = HttpClientLayer::new(options).layer(service_fn(answer));
    let send = async |url: &str, settings: PerRequest| {
        let mut request = Request::get(url).body(Body::empty()).unwrap();
        request.extensions_mut().insert(settings);
        drop(client.clone().oneshot(request).await);
    };
    for path in ["/1", "/2", "/new", "/missing", "/failed", "/failed", "/refused", "/tenant", "/3"]
    {
        send(&format!("http://a{path}"), PerRequest::default()).await;
    }
    send("http://b/1", PerRequest::default()).await;
    send("http://a:81/1", PerRequest::default()).await;
    for path in ["/4", "/5"] {
        let settings = PerRequest::default().url_template("/{id}");
        send(&format!("http://a{path}"), settings).await;
    }

    let get = "http.request.method=GET network.protocol.version=1.1 server.address=a";
    let ok = "http.response.status_code=200";
    let expected = [
        (format!("{get} {ok} server.port=80"), 3),
        (format!("{get} {ok} server.port=80").replace("1.1", "2"), 1),
        (format!("{get} {ok} server.port=80 tenant=acme"), 1),
        (format!("{get} {ok} server.port=80 url.template=/{{id}}"), 2),
        (format!("{get} {ok} server.port=81"), 1),
        (format!("{get} {ok} server.port=80").replace("address=a", "address=b"), 1),
        (format!("{get} error.type=404 http.response.status_code=404 server.port=80"), 1),
        (format!("{get} error.type=500 http.response.status_code=500 server.port=80"), 2),
        (
            "error.type=connection_refused http.request.method=GET server.address=a server.port=80"
                .to_owned(),
            1,
        ),
    ];
    assert_eq!(exported(&exporter, &provider), told(expected));
}

async fn panics() {
    panic!("on purpose");
}

async fn tenant() {
    current_request().unwrap().add_metric_attribute(KeyValue::new("tenant", "acme"));
}

fn meter() -> (InMemoryMetricExporter, SdkMeterProvider) {
    let exporter = InMemoryMetricExporter::default();
    let reader =
        PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_secs(3600)).build();
    (exporter, SdkMeterProvider::builder().with_reader(reader).build())
}

fn exported(
    exporter: &InMemoryMetricExporter,
    provider: &SdkMeterProvider,
) -> BTreeMap<String, u64> {
    provider.force_flush().unwrap();
    let metrics = exporter.get_finished_metrics().unwrap();
    let scopes = metrics.iter().flat_map(ResourceMetrics::scope_metrics);
    scopes.flat_map(ScopeMetrics::metrics).flat_map(durations).collect()
}

fn told<const N: usize>(series: [(String, u64); N]) -> BTreeMap<String, u64> {
    series.map(|(series, count)| (sorted(&series), count)).into()
}

/// The number of requests in each series of the duration.
fn durations(metric: &Metric) -> Vec<(String, u64)> {
    let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
        return Vec::new();
    };
    assert!(metric.name().ends_with(".request.duration"), "{}", metric.name());
    let points = histogram.data_points().map(|point| {
        let of_point = point.attributes().map(|it| format!("{}={}", it.key, it.value));
        (sorted(&of_point.collect::<Vec<_>>().join(" ")), point.count())
    });
    points.collect()
}

fn sorted(series: &str) -> String {
    let mut words: Vec<_> = series.split(' ').filter(|it| *it != "url.scheme=http").collect();
    words.sort_unstable();
    words.join(" ")
}
