//! Metrics scraped from `/metrics` of an app: what users of asgi-monitor expect, with the names of OpenTelemetry.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on panics")]

use std::panic::AssertUnwindSafe;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, header},
    response::IntoResponse,
    routing::get,
};
use futures_util::FutureExt as _;
use logfire_rs::{
    HttpServerOptions, Logfire,
    opentelemetry::metrics::{MeterProvider as _, UpDownCounter},
};
use prometheus::{IntCounter, Registry, TextEncoder};
use tower::ServiceExt as _;

/// An app with a registry of its own, and what keeps it running.
struct Scraped {
    app: Router,
    registry: Registry,
    logfire: Logfire,
}

impl Scraped {
    fn new(configure: impl FnOnce(logfire_rs::Configuration) -> logfire_rs::Configuration) -> Self {
        let registry = Registry::new();
        let exporter =
            opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
        let configuration = logfire_rs::configure()
            .local()
            .env_lookup(|_| None)
            .console(false)
            .service_name("test")
            .add_metric_reader(exporter);
        let logfire = configure(configuration).finish().unwrap();
        let options = HttpServerOptions::default()
            .env_lookup(|_| None)
            .tracer_provider(logfire.tracer_provider().clone())
            .meter_provider(logfire.meter_provider().clone());
        let app = Router::new()
            .route("/params/{param}", get(async || "one"))
            .route("/params/{param_a}/{param_b}", get(async || "two"))
            .route("/panic", get(async || -> &'static str { panic!("division by zero") }))
            .route("/metrics", get(metrics).with_state(registry.clone()));
        Self { app: logfire_rs::instrument_axum_with(app, options), registry, logfire }
    }

    async fn get(&self, path: &str) -> (String, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map_or("", |it| it.to_str().unwrap()).to_owned();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (content_type, String::from_utf8(body.into()).unwrap())
    }

    /// The lines that contain `word`, seen from outside.
    fn lines(&self, word: &str) -> String {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
        text.lines().filter(|line| line.contains(word)).map(|line| format!("{line}\n")).collect()
    }
}

async fn metrics(State(registry): State<Registry>) -> impl IntoResponse {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

#[tokio::test]
async fn the_first_scrape_sees_the_service_and_itself() {
    let scraped = Scraped::new(|it| it);
    let (content_type, text) = scraped.get("/metrics").await;
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    let info = text.lines().find(|line| line.starts_with("target_info{")).unwrap();
    assert!(info.contains(r#"service_name="test""#) && info.ends_with(" 1"), "{info}");
    let active = text.lines().find(|line| line.starts_with("http_server_active_requests{"));
    let active = active.unwrap();
    assert!(active.contains(r#"http_request_method="GET""#) && active.ends_with(" 1"), "{active}");
    // It counts when it ends; asgi-monitor counts what begins.
    assert!(!text.contains("duration_seconds_count"), "{text}");
    let (_, text) = scraped.get("/metrics").await;
    let count = text.lines().find(|line| line.contains("duration_seconds_count")).unwrap();
    assert!(count.contains(r#"http_route="/metrics""#) && count.ends_with(" 1"), "{count}");
}

#[tokio::test]
async fn routes_are_templates_and_what_is_not_found_has_none() {
    let scraped = Scraped::new(|it| it);
    for path in ["/params/1", "/params/2", "/params/1/2", "/nowhere/3"] {
        scraped.get(path).await;
    }
    let scope = r#"otel_scope_name="logfire-rs-axum""#;
    let text = scraped.lines("duration_seconds_count");
    let mut routes: Vec<_> = text
        .lines()
        .map(|line| {
            let label = |name: &str| {
                let (_, rest) = line.split_once(&format!("{name}=\""))?;
                Some(rest.split_once('"')?.0)
            };
            let count = line.rsplit_once(' ').unwrap().1;
            let status = label("http_response_status_code").unwrap();
            format!("{} {status} {count}", label("http_route").unwrap_or("-"))
        })
        .collect();
    routes.sort();
    assert_eq!(routes, ["- 404 1", "/params/{param_a}/{param_b} 200 1", "/params/{param} 200 2"]);
    assert!(!text.contains("nowhere") && text.lines().all(|it| it.contains(scope)), "{text}");
}

#[tokio::test]
async fn a_panic_is_a_500_with_its_type_and_nothing_stays_active() {
    let scraped = Scraped::new(|it| it);
    assert!(AssertUnwindSafe(scraped.get("/panic")).catch_unwind().await.is_err());
    let count = scraped.lines("duration_seconds_count");
    assert!(count.contains(r#"error_type="panic""#) && count.ends_with(" 1\n"), "{count}");
    let active = scraped.lines("http_server_active_requests{");
    assert!(active.ends_with(" 0\n"), "{active}");
}

#[tokio::test]
async fn metrics_of_the_program_are_in_the_same_scrape() {
    let scraped = Scraped::new(|it| it);
    let of_prometheus = IntCounter::new("jobs_total", "Jobs.").unwrap();
    scraped.registry.register(Box::new(of_prometheus.clone())).unwrap();
    of_prometheus.inc_by(3);
    let meter = scraped.logfire.meter_provider().meter("shop");
    meter.u64_counter("orders").build().add(2, &[]);
    let (_, text) = scraped.get("/metrics").await;
    assert!(text.contains("\njobs_total 3\n"), "{text}");
    assert!(text.contains("orders_total{otel_scope_name=\"shop\"} 2\n"), "{text}");
}

#[test]
fn ten_workers_count_to_a_hundred() {
    let scraped = Scraped::new(|it| it);
    let meter = scraped.logfire.meter_provider().meter("shop");
    let in_progress: UpDownCounter<i64> = meter.i64_up_down_counter("jobs").build();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| (0..10).for_each(|_| in_progress.add(1, &[])));
        }
    });
    assert_eq!(scraped.lines("jobs{"), "jobs{otel_scope_name=\"shop\"} 100\n");
}

/// Logfire gets exponential histograms, which Prometheus does not know: with a reader they have buckets.
#[tokio::test]
async fn a_scrape_beside_logfire_has_buckets() {
    let nowhere = |it: logfire_rs::Configuration| {
        it.token("pylf_v1_us_x").base_url("http://127.0.0.1:1").on_warning(|_| ())
    };
    let scraped = Scraped::new(nowhere);
    scraped.get("/params/1").await;
    let text = scraped.lines("duration_seconds_bucket");
    assert!(text.contains(r#"le="0.005""#) && text.contains(r#"le="+Inf"} 1"#), "{text}");
}
