//! The shop: it knows nothing itself, and asks the warehouse with an instrumented client.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;

use super::Client;

#[derive(Clone)]
struct Warehouse {
    address: SocketAddr,
    client: Client,
}

pub(crate) fn router(address: SocketAddr, client: Client) -> Router {
    Router::new()
        .route("/articles/{name}", get(article))
        .route("/checkout", get(checkout))
        .route("/catalog", get(catalog))
        .with_state(Warehouse { address, client })
}

impl Warehouse {
    /// The warehouse's answer; what it cannot do is a 502 of ours.
    async fn ask(&self, path: &str) -> Result<String, StatusCode> {
        let failed = |_| StatusCode::BAD_GATEWAY;
        let answer = self
            .client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await
            .map_err(failed)?;
        match answer.status() {
            StatusCode::NOT_FOUND => Err(StatusCode::NOT_FOUND),
            status if status.is_success() => answer.text().await.map_err(failed),
            _ => Err(StatusCode::BAD_GATEWAY),
        }
    }
}

async fn article(
    State(warehouse): State<Warehouse>,
    Path(name): Path<String>,
) -> Result<String, StatusCode> {
    let stock = warehouse.ask(&format!("/stock/{name}")).await?;
    Ok(format!("{name}: {stock} in stock"))
}

async fn checkout(State(warehouse): State<Warehouse>) -> Result<String, StatusCode> {
    warehouse.ask("/reserve").await
}

async fn catalog(State(warehouse): State<Warehouse>) -> Result<String, StatusCode> {
    warehouse.ask("/catalog").await
}
