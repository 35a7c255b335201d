//! An instrumented axum service whose metrics Prometheus can scrape.
//!
//! `cargo run -p example-prometheus`, and in another terminal `curl http://127.0.0.1:8080/users/1` and
//! `curl http://127.0.0.1:8080/metrics`.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build()?;
    let _logfire = logfire_rs::configure()
        .service_name("example-prometheus")
        .add_metric_reader(exporter)
        .finish()?;

    let app = Router::new()
        .route("/users/{user_id}", get(user))
        .route("/metrics", get(metrics).with_state(registry));
    let app = logfire_rs::instrument_axum(app);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

async fn user(Path(user_id): Path<u32>) -> String {
    format!("User {user_id}")
}

/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
async fn metrics(State(registry): State<Registry>) -> impl IntoResponse {
    let text = TextEncoder::new().encode_to_string(&registry.gather());
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    text.map(|text| (content_type, text)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
