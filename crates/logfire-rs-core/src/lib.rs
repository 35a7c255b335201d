//! The conventions that every adapter of `logfire-rs` shares.
//!
//! An adapter fills in a [`ServerRequest`] or a [`ClientRequest`], plain borrowed data, and moves
//! the [`ServerSpan`] or [`ClientSpan`] that it gets along with the request. Everything else is
//! decided here: attributes, names, status, metrics, what is captured, masked and excluded.
//!
//! Applications meet [`HttpServerOptions`], [`HttpClientOptions`], [`RequestSpan`] and
//! [`current_request`], through the crate of their framework.
//!
//! ```
//! use logfire_rs_core::{HttpServerOptions, UrlRedaction};
//!
//! let options = HttpServerOptions::default()
//!     .excluded_urls(["^/health$"])
//!     .capture_request_headers(["x-tenant"])
//!     .url_redaction(UrlRedaction::default().add_keys(["token"]));
//! ```

mod address;
mod attributes;
mod backend;
mod client;
mod current;
mod diagnostics;
pub mod endpoint;
mod environment;
mod forwarded;
mod header_capture;
mod headers;
mod message;
mod method;
mod metrics;
mod names;
mod open_count;
mod options;
mod patterns;
mod propagation;
mod recent;
mod redaction;
mod request_span;
mod series;
mod server;
mod start_of;
mod suppress;
mod user_agent;

pub use {opentelemetry, serde_json};

pub use crate::client::{
    ClientBody, ClientFailure, ClientRequestBody, ClientSpan, EnteredClient,
    HttpClientInstrumenter, HttpConnection, OpenConnection, PerRequest, PhaseSpan,
    RequestBodyCounter, each_error, record_client_retry,
};
pub use crate::current::{Entered, current_request};
#[doc(hidden)]
pub use crate::diagnostics::display;
pub use crate::diagnostics::{Diagnostics, diagnostics};
pub use crate::endpoint::{EndpointArguments, EndpointLimits};
pub use crate::forwarded::{InvalidNetwork, ProxyHeaders, TrustedProxies};
pub use crate::headers::{CommonHeaders, HeaderValue, Headers, OutgoingHeaders};
pub use crate::message::{
    ClientRequest, ClientResponse, Frame, HttpVersion, Peer, ServerRequest, ServerResponse,
};
pub use crate::options::{
    DistributedTracing, HttpClientOptions, HttpServerOptions, SpanDetails, SpanEnd, UrlScheme,
};
pub use crate::patterns::{InvalidPattern, Pattern};
pub use crate::redaction::{FilterUrl, UrlRedaction};
pub use crate::request_span::RequestSpan;
pub use crate::server::{
    HttpServerInstrumenter, KeepOpen, RequestBodyObserver, ServerSpan, TraceResponse,
    exclude_telemetry_proxy,
};
pub use crate::suppress::suppress_instrumentation;
