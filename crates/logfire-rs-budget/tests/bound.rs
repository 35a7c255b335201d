//! Bound instruments export what plain ones do: `cargo test -p logfire-rs-budget --features bound`, and without it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use logfire_rs_core::opentelemetry::KeyValue;
use logfire_rs_core::{HttpServerOptions, current_request};
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tower::ServiceExt as _;

#[tokio::test]
async fn every_request_is_in_the_series_of_its_attributes() {
    let exporter = InMemoryMetricExporter::default();
    let reader =
        PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_secs(3600)).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
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
    provider.force_flush().unwrap();

    let metrics = exporter.get_finished_metrics().unwrap();
    let scopes = metrics.iter().flat_map(ResourceMetrics::scope_metrics);
    let counts: BTreeMap<String, u64> =
        scopes.flat_map(ScopeMetrics::metrics).flat_map(durations).collect();
    let get = "http.request.method=GET network.protocol.version=1.1";
    let expected = [
        (format!("{get} http.response.status_code=200 http.route=/ok"), 3),
        (format!("{get} http.response.status_code=200 http.route=/tenant tenant=acme"), 1),
        (format!("{get} http.response.status_code=400 http.route=/bad"), 1),
        (format!("{get} http.response.status_code=404"), 1),
        (format!("{get} error.type=500 http.response.status_code=500 http.route=/failed"), 1),
        (format!("{get} error.type=panic http.route=/panics"), 1),
    ];
    assert_eq!(counts, expected.map(|(series, count)| (sorted(&series), count)).into());
}

async fn panics() {
    panic!("on purpose");
}

async fn tenant() {
    current_request().unwrap().add_metric_attribute(KeyValue::new("tenant", "acme"));
}

/// The number of requests in each series of the duration.
fn durations(metric: &Metric) -> Vec<(String, u64)> {
    let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
        return Vec::new();
    };
    assert_eq!(metric.name(), "http.server.request.duration");
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
