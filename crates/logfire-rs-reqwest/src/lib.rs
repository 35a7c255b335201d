//! OpenTelemetry instrumentation for [`reqwest`].
//!
#![doc = include_str!("../README.md")]

mod body;
mod carrier;
mod client;
mod error_type;
mod pending;
mod request;

use logfire_rs_core::HttpClientInstrumenter;
pub use logfire_rs_core::{
    ClientRequest, ClientResponse, FilterUrl, HttpClientOptions, RequestSpan, SpanEnd,
    UrlRedaction, suppress_instrumentation,
};
pub use opentelemetry;
/// Everything else of reqwest, so that `use logfire_rs_reqwest as reqwest` is all that a file needs.
#[doc(no_inline)]
pub use reqwest::*;

pub use crate::client::Client;
pub use crate::pending::Pending;
pub use crate::request::RequestBuilder;

/// Instruments `client` with the defaults, and what the environment says.
///
/// The client that comes back has the methods of [`reqwest::Client`] and returns the responses and
/// errors of reqwest.
///
/// ```
/// # async fn example() -> reqwest::Result<()> {
/// let client = logfire_rs_reqwest::instrument(reqwest::Client::new());
/// let text = client.get("http://127.0.0.1:8000/hello").send().await?.text().await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn instrument(client: reqwest::Client) -> Client {
    instrument_with(client, HttpClientOptions::default())
}

/// Instruments `client` with `options`.
///
/// ```
/// use logfire_rs_reqwest::HttpClientOptions;
///
/// # fn example(client: reqwest::Client) {
/// let options = HttpClientOptions::default().capture_response_headers(["retry-after"]);
/// let client = logfire_rs_reqwest::instrument_with(client, options);
/// # }
/// ```
#[must_use]
pub fn instrument_with(client: reqwest::Client, options: HttpClientOptions) -> Client {
    let name = env!("CARGO_PKG_NAME");
    let version = env!("CARGO_PKG_VERSION");
    Client::from_parts(client, HttpClientInstrumenter::new(name, version, "REQWEST", options))
}

/// Sends a `GET` request with a client of its own, as [`reqwest::get`] does.
///
/// # Errors
///
/// As that of reqwest.
pub async fn get<T: IntoUrl>(url: T) -> Result<Response> {
    instrument(reqwest::Client::builder().build()?).get(url).send().await
}
