//! Handlers whose arguments and validation errors are recorded, on axum, actix-web or warp.
//!
//! `cargo run -p example-endpoint -- 127.0.0.1:8080 warp`, or without arguments for axum, and in
//! another terminal:
//!
//! ```sh
//! curl 'http://127.0.0.1:8080/hello?name=world'
//! curl 'http://127.0.0.1:8080/hello'                      # a missing field
//! curl 'http://127.0.0.1:8080/hello?name=world&times=x'   # a wrong type
//! curl 'http://127.0.0.1:8080/users/one'
//! curl -H 'content-type: application/json' -d '{"name":"ada","age":"x","password":"hunter2"}' \
//!     'http://127.0.0.1:8080/users'
//! ```
//!
//! The console shows the requests. Their attributes `axum.arguments.values` and
//! `axum.arguments.errors` are in the backend that `OTEL_EXPORTER_OTLP_ENDPOINT` or `LOGFIRE_TOKEN`
//! names; they are the same on each framework, but for its name.

use std::error::Error;
use std::net::TcpListener;

use example_endpoint::{on_actix_web, on_axum, on_warp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-endpoint").finish()?;

    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address)?;
    let options = logfire_rs::HttpServerOptions::default().extra_spans(true);
    let serve = async {
        match arguments.next().as_deref() {
            None | Some("axum") => on_axum::serve(listener, options).await,
            Some("actix-web") => on_actix_web::serve(listener, options).await,
            Some("warp") => on_warp::serve(listener, options).await,
            Some(other) => Err(format!("not a framework: {other}").into()),
        }
    };
    tokio::select! {
        served = serve => served?,
        _ = tokio::signal::ctrl_c() => {}
    }
    logfire.shutdown()?;
    Ok(())
}
