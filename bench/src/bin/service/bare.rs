//! The shop of the quickstart, with a client that is not instrumented.

#[path = "../../../../examples/quickstart/src/shop.rs"]
mod shop;

use reqwest::Client;

pub(crate) use self::shop::router;
