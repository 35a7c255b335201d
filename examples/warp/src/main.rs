//! An instrumented warp service with two routes.
//!
//! `cargo run -p example-warp`, and in another terminal `curl http://127.0.0.1:8080/users/1`.

use std::error::Error;

use logfire_rs::warp::path;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use warp::Filter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-warp").finish()?;

    let root = path!().map(|| "Hello world!".to_owned());
    let user = path!("users" / user_id: u32).map(|user_id| format!("User {user_id}"));
    let service = logfire_rs::instrument_warp(root.or(user));

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = service.serve(TcpListener::bind(address).await?);
    server.graceful(async { drop(ctrl_c().await) }).await;
    logfire.shutdown()?;
    Ok(())
}
