//! Errors in the body and the types of a function are shown where they are.

use axum::Json;
use axum::extract::{Path, Query};
use logfire_rs_axum::endpoint;

#[endpoint]
async fn wrong_result(Path(id): Path<u32>) -> String {
    id + 1
}

#[endpoint]
async fn unknown_name(Query(page): Query<Vec<(String, String)>>) -> String {
    pages.len().to_string()
}

#[endpoint]
async fn unknown_type(Json(new): Json<NewUser>) {
    drop(new);
}

#[endpoint]
async fn moved_twice(Json(text): Json<String>) -> String {
    drop(text);
    text
}

#[endpoint]
async fn wrong_pattern(Path(id): Query<u32>) -> String {
    id.to_string()
}

fn main() {}
