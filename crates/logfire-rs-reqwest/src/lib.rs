//! OpenTelemetry instrumentation for [`reqwest`].
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "blocking")]
pub mod blocking;
mod body;
mod carrier;
mod client;
mod client_builder;
mod connect;
mod error_type;
#[cfg(feature = "opentelemetry-http")]
mod exporter;
mod hops;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod passed_on;
mod pending;
mod recorder;
mod request;
mod resolver;

pub use logfire_rs_core::{
    ClientRequest, ClientResponse, FilterUrl, HttpClientOptions, PerRequest, RequestSpan, SpanEnd,
    UrlRedaction, suppress_instrumentation,
};
pub use opentelemetry;
/// Everything else of reqwest, so that `use logfire_rs_reqwest as reqwest` is all that a file needs.
#[doc(no_inline)]
pub use reqwest::*;

pub use crate::client::Client;
pub use crate::client_builder::ClientBuilder;
#[cfg(feature = "reqwest-middleware")]
pub use crate::middleware::HttpClientMiddleware;
pub use crate::pending::Pending;
use crate::recorder::Recorder;
pub use crate::request::RequestBuilder;
pub use crate::resolver::SystemResolver;

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

/// Instruments `client` with `options`; the environment key is `REQWEST`.
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
    Client::from_parts(client, Recorder::new(options))
}

/// Instruments the client that `builder` makes: connections, name resolution and redirects can be
/// recorded only from there.
///
/// ```
/// use logfire_rs_reqwest::{HttpClientOptions, SystemResolver, redirect::Policy};
///
/// # fn example() -> reqwest::Result<()> {
/// let builder = reqwest::Client::builder().user_agent("example/1.0");
/// let client = logfire_rs_reqwest::instrument_builder(builder, HttpClientOptions::default())
///     .connections()
///     .dns(SystemResolver)
///     .redirects(Policy::limited(5))
///     .build()?;
/// # Ok(())
/// # }
/// ```
pub fn instrument_builder(
    builder: reqwest::ClientBuilder,
    options: HttpClientOptions,
) -> ClientBuilder {
    ClientBuilder::from_parts(builder, Recorder::new(options))
}

/// Sends a `GET` request with a client of its own, as [`reqwest::get`] does.
///
/// # Errors
///
/// As that of reqwest.
///
/// ```
/// # async fn example() -> logfire_rs_reqwest::Result<()> {
/// let text = logfire_rs_reqwest::get("http://127.0.0.1:8000/hello").await?.text().await?;
/// # Ok(())
/// # }
/// ```
pub async fn get<T: IntoUrl>(url: T) -> Result<Response> {
    Client::builder().build()?.get(url).send().await
}

/// Records that an attempt is repeated, in the closure that decides so.
///
/// reqwest repeats a request without telling anyone else: with this line each repetition is an
/// event `http.retry` of the request's span, and their number is `http.request.resend_count`.
///
/// ```
/// use logfire_rs_reqwest::{StatusCode, record_retry, retry};
///
/// # fn example() -> logfire_rs_reqwest::Result<()> {
/// let retries = retry::for_host("127.0.0.1").classify_fn(|attempt| {
///     match attempt.status() {
///         Some(StatusCode::SERVICE_UNAVAILABLE) => {
///             record_retry(attempt.status());
///             attempt.retryable()
///         }
///         _ => attempt.success(),
///     }
/// });
/// let client = logfire_rs_reqwest::Client::builder().retry(retries).build()?;
/// # Ok(())
/// # }
/// ```
pub fn record_retry(status: Option<StatusCode>) {
    logfire_rs_core::record_client_retry(status.map(|it| it.as_u16()));
}
