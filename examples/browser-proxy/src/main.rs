//! A page whose spans and the server's are one trace, without a token in the browser.
//!
//! The page uses `@pydantic/logfire-browser`, which npm bundles once:
//!
//! ```sh
//! cd examples/browser-proxy && npm ci && npm run build && cd ../..
//! cargo run -p example-browser-proxy
//! ```
//!
//! Then open <http://127.0.0.1:8080/>. Without the bundle the page says so, and everything else works. Set
//! `LOGFIRE_TOKEN`, or `OTEL_EXPORTER_OTLP_ENDPOINT` for a collector, to send the page's spans with the server's.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use logfire_rs::axum::logfire_proxy;
use logfire_rs::opentelemetry::{Context, global};
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

/// Where `npm run build` puts the bundle.
const DIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/dist");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-browser-proxy").finish()?;

    let app = Router::new()
        .route("/", get(page))
        .route("/users/{user_id}", get(user))
        .route("/api/greeting", get(greeting))
        .route("/dist/{file}", get(script))
        .route("/logfire-proxy/{*path}", logfire_proxy(logfire.proxy().allowed_origins([""; 0])));
    let app = logfire_rs::instrument_axum(app);

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(async { drop(ctrl_c().await) }).await?;
    logfire.shutdown()?;
    Ok(())
}

/// The page, with the trace that it is a part of.
async fn page() -> Html<String> {
    let bundle = match Path::new(DIST).join("page.js").exists() {
        true => "The bundle is there: the page sends its spans.",
        false => "There is no bundle: run `npm ci` and `npm run build` in examples/browser-proxy.",
    };
    let page = include_str!("../page.html").replace("{bundle}", bundle);
    Html(page.replace("{traceparent}", &traceparent()))
}

/// The current span in the words of W3C.
fn traceparent() -> String {
    let mut headers = HashMap::new();
    global::get_text_map_propagator(|it| it.inject_context(&Context::current(), &mut headers));
    headers.remove("traceparent").unwrap_or_default()
}

async fn user(extract::Path(user_id): extract::Path<u32>) -> String {
    format!("User {user_id}")
}

#[tracing::instrument]
async fn greeting() -> &'static str {
    "Hello from the server"
}

/// A file of the bundle.
async fn script(extract::Path(file): extract::Path<String>) -> Response {
    // Names as esbuild makes them, and no way out of the folder.
    let plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    if !file.strip_suffix(".js").is_some_and(|name| name.chars().all(plain)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match std::fs::read(Path::new(DIST).join(file)) {
        Ok(script) => ([(CONTENT_TYPE, "text/javascript")], script).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
