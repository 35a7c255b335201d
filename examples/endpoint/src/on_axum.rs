//! The service on axum.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use logfire_rs::HttpServerOptions;
use logfire_rs::axum::endpoint;

use crate::{Hello, NewUser};

/// Serves on `listener`.
///
/// # Errors
///
/// If it cannot.
pub async fn serve(
    listener: TcpListener,
    options: HttpServerOptions,
) -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/hello", get(hello))
        .route("/users", post(create_user))
        .route("/users/{user_id}", get(show_user));
    let app = logfire_rs::instrument_axum_with(app, options);
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

#[endpoint]
async fn hello(Query(hello): Query<Hello>) -> String {
    hello.text()
}

#[endpoint]
async fn show_user(Path(user_id): Path<u32>) -> String {
    format!("User {user_id}")
}

#[endpoint]
async fn create_user(Json(user): Json<NewUser>) -> (StatusCode, String) {
    (StatusCode::CREATED, format!("User {} has {} years", user.name, user.age))
}
