//! A handler with `#[endpoint]` and two arguments, over the same one without it.

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use logfire_rs_axum::endpoint;
use logfire_rs_core::HttpServerOptions;
use serde::{Deserialize, Serialize};

use crate::{Configuration, serve, trace, unsampled};

/// What is measured: both are instrumented, so that the difference is the attribute.
pub(crate) const SAMPLED: Configuration = Configuration {
    name: "axum-endpoint",
    build: || service(trace().metrics(false), true),
    bare: || service(trace().metrics(false), false),
};

pub(crate) const UNSAMPLED: Configuration = Configuration {
    name: "axum-endpoint-unsampled",
    build: || service(unsampled().metrics(false), true),
    bare: || service(unsampled().metrics(false), false),
};

#[derive(Deserialize, Serialize)]
struct Page {
    limit: Option<u32>,
}

#[endpoint]
async fn recorded(Path(id): Path<u32>, Query(page): Query<Page>) -> &'static str {
    answer(id, &page)
}

async fn plain(Path(id): Path<u32>, Query(page): Query<Page>) -> &'static str {
    answer(id, &page)
}

fn answer(id: u32, page: &Page) -> &'static str {
    if page.limit == Some(id) { "[]" } else { "{}" }
}

fn service(options: HttpServerOptions, records: bool) -> Box<dyn FnMut()> {
    let route = if records { get(recorded) } else { get(plain) };
    let app = Router::new().route("/users/{id}", route);
    serve(logfire_rs_axum::instrument_with(app, options), "")
}
