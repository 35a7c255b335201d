//! One line, and every request is a correct, safe and cheap OpenTelemetry span.
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "reqwest", feature = "sdk"))]
//! # async fn hello() -> &'static str { "hello" }
//! # #[cfg(all(feature = "axum", feature = "reqwest", feature = "sdk"))]
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//!
//! let logfire = logfire_rs::configure().finish()?; // OTLP and console, from the environment
//! let app: Router = logfire_rs::instrument_axum(Router::new().route("/hello", get(hello)));
//! let client = logfire_rs::instrument_reqwest(reqwest::Client::new());
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "reqwest", feature = "sdk")))]
//! # fn main() {}
//! ```
//!
//! `configure` sets an OpenTelemetry SDK up; it is not needed where there is one already. The
//! `instrument_*` functions speak the OpenTelemetry API only, so any SDK, exporter and backend works
//! under them. Each has a second form, `instrument_*_with`, that takes [`HttpServerOptions`] or
//! [`HttpClientOptions`]: the same options for every framework.
//!
//! In a handler, [`current_request`] is the span of the request: add attributes to it, name it, tell
//! it an error.
//!
//! # Crate features
//!
//! Features only add names; none changes what another one does.
//!
//! - **`sdk`** (default): [`configure`].
//! - **`otlp-http`** (default): export over HTTP, to Logfire and any other OTLP backend.
//! - **`otlp-grpc`**: export over gRPC too, if `OTEL_EXPORTER_OTLP_PROTOCOL` says `grpc`.
//! - **`tracing`** (default): spans and events of the `tracing` crate, into the same traces.
//! - **`bound-instruments`**: cheaper metrics, on an experimental feature of the SDK 0.33.
//! - **`testing`**: [`testing`], which captures what a test records.
//! - **`actix-web`**: [`instrument_actix_web`], and the module [`actix_web`].
//! - **`axum`**: [`instrument_axum`], and the module [`axum`].
//! - **`hyper`**: [`instrument_hyper`], [`instrument_hyper_client`], and the module [`hyper`].
//! - **`tower`**: [`instrument_tower`], and the module [`tower`].
//! - **`proxy`**: [`LogfireProxy`], which forwards the telemetry of browsers, `Logfire::proxy`, and the
//!   `logfire_proxy` of each framework's module.
//! - **`warp`**: [`instrument_warp`], and the module [`warp`].
//! - **`reqwest`**: [`instrument_reqwest`], and the module [`reqwest`].

#[cfg(feature = "actix-web")]
pub use logfire_rs_actix_web::{
    instrument as instrument_actix_web, instrument_with as instrument_actix_web_with,
};
#[cfg(feature = "axum")]
pub use logfire_rs_axum::{instrument as instrument_axum, instrument_with as instrument_axum_with};
pub use logfire_rs_core::{
    ClientRequest, ClientResponse, Diagnostics, DistributedTracing, EndpointArguments,
    EndpointLimits, FilterUrl, Frame, HeaderValue, Headers, HttpClientOptions, HttpServerOptions,
    HttpVersion, InvalidNetwork, InvalidPattern, Pattern, Peer, PerRequest, ProxyHeaders,
    RequestSpan, ServerRequest, ServerResponse, SpanDetails, SpanEnd, TrustedProxies, UrlRedaction,
    UrlScheme, current_request, diagnostics, opentelemetry, suppress_instrumentation,
};
#[cfg(feature = "hyper")]
pub use logfire_rs_hyper::{
    self as hyper, instrument as instrument_hyper, instrument_client as instrument_hyper_client,
    instrument_client_builder as instrument_hyper_client_builder,
    instrument_client_with as instrument_hyper_client_with,
    instrument_with as instrument_hyper_with,
};
#[cfg(feature = "proxy")]
pub use logfire_rs_proxy::{self as proxy, LogfireProxy};
#[cfg(feature = "reqwest")]
pub use logfire_rs_reqwest::{
    self as reqwest, instrument as instrument_reqwest, instrument_with as instrument_reqwest_with,
};
#[cfg(all(feature = "sdk", feature = "tracing"))]
pub use logfire_rs_sdk::EventFormat;
#[cfg(feature = "testing")]
pub use logfire_rs_sdk::testing;
#[cfg(feature = "sdk")]
pub use logfire_rs_sdk::{
    self as sdk, CodeSource, Colors, Configuration, ConfigureError, ConsoleOptions,
    DestinationStatistics, ExportStatistics, FlushError, Level, Logfire, LogfireSpanProcessor,
    Propagator, Sampling, Scrubbing, SendToLogfire, SpanStyle, TimeOrderedIdGenerator, configure,
};
#[cfg(feature = "tower")]
pub use logfire_rs_tower::{
    self as tower, instrument as instrument_tower, instrument_with as instrument_tower_with,
};
#[cfg(feature = "warp")]
pub use logfire_rs_warp::{instrument as instrument_warp, instrument_with as instrument_warp_with};

/// What is actix-web's own.
#[cfg(feature = "actix-web")]
pub mod actix_web {
    /// Records the arguments of a handler, why one of them was rejected, and when all of it
    /// happened; see [`logfire_rs_actix_web::endpoint`](macro@logfire_rs_actix_web::endpoint), which
    /// is the same for callers that depend on that crate.
    ///
    /// ```
    /// use actix_web::{App, get, web};
    ///
    /// #[get("/users/{id}")]
    /// #[logfire_rs::actix_web::endpoint]
    /// async fn user(id: web::Path<u32>) -> String {
    ///     format!("user {id}")
    /// }
    ///
    /// let app = logfire_rs::instrument_actix_web(App::new().service(user));
    /// ```
    pub use logfire_rs_actix_web::__private::facade_endpoint as endpoint;
    pub use logfire_rs_actix_web::*;
}

/// What is axum's own.
#[cfg(feature = "axum")]
pub mod axum {
    /// Records the arguments of a handler, why one of them was rejected, and when all of it
    /// happened; see [`logfire_rs_axum::endpoint`](macro@logfire_rs_axum::endpoint), which is the
    /// same for callers that depend on that crate.
    ///
    /// ```
    /// use axum::extract::Path;
    /// use axum::{Router, routing::get};
    ///
    /// #[logfire_rs::axum::endpoint]
    /// async fn user(Path(id): Path<u32>) -> String {
    ///     format!("user {id}")
    /// }
    ///
    /// let app: Router = Router::new().route("/users/{id}", get(user));
    /// let app = logfire_rs::instrument_axum(app);
    /// ```
    pub use logfire_rs_axum::__private::facade_endpoint as endpoint;
    pub use logfire_rs_axum::*;
}

/// What is warp's own.
#[cfg(feature = "warp")]
pub mod warp {
    /// Records the arguments of a handler, and when it ran; see
    /// [`logfire_rs_warp::endpoint`](macro@logfire_rs_warp::endpoint), which is the same for callers
    /// that depend on that crate.
    ///
    /// ```
    /// use warp::Filter;
    ///
    /// #[logfire_rs::warp::endpoint]
    /// fn user(id: u32) -> String {
    ///     format!("user {id}")
    /// }
    ///
    /// let routes = logfire_rs::warp::path!("users" / id: u32).map(user);
    /// let service = logfire_rs::instrument_warp(routes);
    /// ```
    pub use logfire_rs_warp::__private::facade_endpoint as endpoint;
    pub use logfire_rs_warp::*;
}

/// The examples of the documents, which are tests of this crate.
#[cfg(all(
    doctest,
    feature = "actix-web",
    feature = "axum",
    feature = "hyper",
    feature = "proxy",
    feature = "reqwest",
    feature = "sdk",
    feature = "testing",
    feature = "tower",
    feature = "tracing",
    feature = "warp"
))]
mod documentation {
    #[doc = include_str!("../../../README.md")]
    pub struct Readme;

    #[doc = include_str!("../../../docs/actix-web.md")]
    pub struct ActixWeb;

    #[doc = include_str!("../../../docs/axum.md")]
    pub struct Axum;

    #[doc = include_str!("../../../docs/browser-proxy.md")]
    pub struct BrowserProxy;

    #[doc = include_str!("../../../docs/endpoint.md")]
    pub struct Endpoint;

    #[doc = include_str!("../../../docs/export.md")]
    pub struct Export;

    #[doc = include_str!("../../../docs/hyper.md")]
    pub struct Hyper;

    #[doc = include_str!("../../../docs/prometheus.md")]
    pub struct Prometheus;

    #[doc = include_str!("../../../docs/reqwest.md")]
    pub struct Reqwest;

    #[doc = include_str!("../../../docs/sampling.md")]
    pub struct Sampling;

    #[doc = include_str!("../../../docs/scrubbing.md")]
    pub struct Scrubbing;

    #[doc = include_str!("../../../docs/testing.md")]
    pub struct Testing;

    #[doc = include_str!("../../../docs/tower.md")]
    pub struct Tower;

    #[doc = include_str!("../../../docs/tracing.md")]
    pub struct Tracing;

    #[doc = include_str!("../../../docs/warp.md")]
    pub struct Warp;

    #[doc = include_str!("../../../docs/configuration.md")]
    pub struct Configuration;

    #[doc = include_str!("../../../docs/attributes.md")]
    pub struct Attributes;

    #[doc = include_str!("../../../docs/design.md")]
    pub struct Design;
}
