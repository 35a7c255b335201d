//! What is no free async function.

use axum::extract::Path;
use logfire_rs_axum::endpoint;

struct Api;

impl Api {
    #[endpoint]
    async fn method(&self) {}
}

#[endpoint]
fn not_async() {}

#[endpoint]
async unsafe fn not_safe() {}

#[endpoint]
struct NoFunction;

#[endpoint(skip(password))]
async fn no_such_argument(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[endpoint(debug(id, other))]
async fn no_such_argument_either(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[endpoint(skipall)]
async fn no_such_setting() {}

#[endpoint(name = 7)]
async fn no_text() {}

fn main() {}
