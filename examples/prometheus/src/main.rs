//! An instrumented axum service whose metrics Prometheus can scrape.
//!
//! `cargo run -p example-prometheus`, and in another terminal `curl http://127.0.0.1:8080/users/1`,
//! `curl -d 1 http://127.0.0.1:8080/orders`, and then `curl http://127.0.0.1:8080/metrics`. User 0 is one that fails.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use logfire_rs::reqwest::Client;
use logfire_rs::{HttpClientOptions, HttpServerOptions};
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build()?;
    let logfire = logfire_rs::configure()
        .service_name("example-prometheus")
        .add_metric_reader(exporter)
        .finish()?;

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    let client = logfire_rs::instrument_reqwest_with(
        reqwest::Client::new(),
        HttpClientOptions::default().record_body_sizes(true),
    );
    let users = Users { address: listener.local_addr()?, client };

    let app = Router::new()
        .route("/users/{user_id}", get(user))
        .route("/orders", post(order).with_state(users))
        .route("/metrics", get(metrics).with_state(registry));
    let options =
        HttpServerOptions::default().excluded_urls(["^/metrics$"]).record_body_sizes(true);
    let app = logfire_rs::instrument_axum_with(app, options);

    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(async { drop(ctrl_c().await) }).await?;
    logfire.shutdown()?;
    Ok(())
}

async fn user(Path(user_id): Path<u32>) -> Result<String, StatusCode> {
    if user_id == 0 { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok(format!("User {user_id}")) }
}

/// A service that is asked; here it is this one.
#[derive(Clone)]
struct Users {
    address: SocketAddr,
    client: Client,
}

async fn order(State(users): State<Users>, user_id: String) -> Result<String, StatusCode> {
    let url = format!("http://{}/users/{user_id}", users.address);
    let answer = users.client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let user = answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(format!("An order of {user}"))
}

/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
async fn metrics(State(registry): State<Registry>) -> impl IntoResponse {
    let text = TextEncoder::new().encode_to_string(&registry.gather());
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    text.map(|text| (content_type, text)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
