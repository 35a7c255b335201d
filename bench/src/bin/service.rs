//! A small service for `cargo xtask bench --load`: `service bare`, or `service instrumented`, which
//! sends its telemetry to where the environment says. It prints its address and, when it is
//! interrupted, how many spans it has recorded and delivered.

#![expect(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

#[derive(Serialize)]
struct User {
    id: u64,
    name: &'static str,
    active: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new().route("/users/{id}", get(user));
    let (app, logfire) = match std::env::args().nth(1).as_deref() {
        Some("bare") => (app, None),
        Some("instrumented") => {
            let logfire = logfire_rs::configure().service_name("load").console(false).finish()?;
            (logfire_rs::instrument_axum(app), Some(logfire))
        }
        _ => return Err("the argument is `bare` or `instrumented`".into()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    if let Some(logfire) = logfire {
        for spans in logfire.export_statistics().spans {
            println!("{} {}", spans.recorded, spans.delivered);
        }
        // The process ends now, whatever a destination that does not answer still has to get.
        std::process::exit(0);
    }
    Ok(())
}

async fn user(Path(id): Path<u64>) -> Json<User> {
    Json(User { id, name: "Ada Lovelace", active: true })
}
