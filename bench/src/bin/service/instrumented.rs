//! The shop of the quickstart, with the client that it has there.

#[path = "../../../../examples/quickstart/src/shop.rs"]
mod shop;

use logfire_rs::reqwest::Client;

pub(crate) use self::shop::router;
