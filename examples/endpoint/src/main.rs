//! Handlers whose arguments and validation errors are recorded.
//!
//! `cargo run -p example-endpoint`, and in another terminal:
//!
//! ```sh
//! curl 'http://127.0.0.1:8080/hello?name=world'
//! curl 'http://127.0.0.1:8080/hello'                  # a missing field
//! curl 'http://127.0.0.1:8080/users/one'              # a wrong type
//! curl -H 'content-type: application/json' -d '{"name":"ada","age":"x","password":"hunter2"}' \
//!     'http://127.0.0.1:8080/users'
//! ```
//!
//! The console shows the requests. Their attributes `axum.arguments.values` and
//! `axum.arguments.errors` are in the backend that `OTEL_EXPORTER_OTLP_ENDPOINT` or `LOGFIRE_TOKEN`
//! names.

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use logfire_rs::axum::endpoint;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Deserialize, Serialize)]
struct Hello {
    name: String,
}

#[derive(Deserialize, Serialize)]
struct NewUser {
    name: String,
    age: u8,
    /// Recorded as `[REDACTED]`.
    password: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _logfire = logfire_rs::configure().service_name("example-endpoint").finish()?;

    let app = Router::new()
        .route("/hello", get(hello))
        .route("/users", post(create_user))
        .route("/users/{user_id}", get(user));
    let options = logfire_rs::HttpServerOptions::default().extra_spans(true);
    let app = logfire_rs::instrument_axum_with(app, options);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

#[endpoint]
async fn hello(Query(hello): Query<Hello>) -> String {
    format!("Hello, {}!", hello.name)
}

#[endpoint]
async fn user(Path(user_id): Path<u32>) -> String {
    format!("User {user_id}")
}

#[endpoint]
async fn create_user(Json(user): Json<NewUser>) -> Result<(StatusCode, String), StatusCode> {
    if user.age < 18 || user.password.len() < 4 {
        return Err(StatusCode::CONFLICT);
    }
    Ok((StatusCode::CREATED, format!("User {}", user.name)))
}
