//! An instrumented axum service with two routes.
//!
//! `cargo run -p example-axum`, and in another terminal `curl http://127.0.0.1:8080/users/1`.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-axum").finish()?;

    let app = Router::new()
        .route("/", get(|| async { "Hello world!" }))
        .route("/users/{user_id}", get(user));
    let app = logfire_rs::instrument_axum(app);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(async { drop(ctrl_c().await) }).await?;
    logfire.shutdown()?;
    Ok(())
}

async fn user(Path(user_id): Path<u32>) -> String {
    format!("User {user_id}")
}
