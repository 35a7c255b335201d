//! OpenTelemetry instrumentation for [`reqwest`].
//!
#![doc = include_str!("../README.md")]

mod carrier;
mod client;
mod error_type;
mod pending;
mod request;

use logfire_rs_core::HttpClientInstrumenter;
pub use logfire_rs_core::{
    ClientRequest, ClientResponse, FilterUrl, HttpClientOptions, RequestSpan, UrlRedaction,
    suppress_instrumentation,
};
pub use opentelemetry;

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
    Client::new(client, HttpClientInstrumenter::new(name, version, "REQWEST", options))
}
