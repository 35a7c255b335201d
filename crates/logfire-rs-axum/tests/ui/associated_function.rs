//! A function of a type takes no `self`, but is no free function.

use logfire_rs_axum::endpoint;

struct Api;

impl Api {
    #[endpoint]
    async fn list() {}
}

fn main() {}
