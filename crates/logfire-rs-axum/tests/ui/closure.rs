//! A closure.

use logfire_rs_axum::endpoint;

fn main() {
    let handler = #[endpoint]
    async || "hello";
}
