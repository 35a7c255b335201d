//! The warehouse: it has one article, cannot reserve it, and streams its catalog.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

pub(crate) fn router() -> Router {
    Router::new()
        .route("/stock/{name}", get(stock))
        .route("/reserve", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/catalog", get(catalog))
}

/// The attribute makes a span of its own, below that of the request.
#[tracing::instrument]
async fn stock(Path(name): Path<String>) -> Result<&'static str, StatusCode> {
    if name == "teapot" { Ok("3") } else { Err(StatusCode::NOT_FOUND) }
}

/// The span of the request ends with the last line.
async fn catalog() -> Body {
    let lines = stream::iter(["teapot\n", "kettle\n", "cup\n"]).then(|line| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(Bytes::from(line))
    });
    Body::from_stream(lines)
}
