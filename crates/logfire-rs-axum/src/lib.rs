#![doc = include_str!("../README.md")]

#[cfg(feature = "endpoint")]
mod endpoint;
mod extract;
mod layer;
#[cfg(feature = "proxy")]
mod proxy;
mod service;
#[cfg(feature = "ws")]
pub mod ws;

use axum::Router;
pub use logfire_rs_core::{
    self as core, EndpointArguments, EndpointLimits, HttpServerOptions, current_request,
};

#[cfg(feature = "endpoint")]
pub use crate::endpoint::endpoint;
pub use crate::extract::RequestSpan;
pub use crate::layer::{HttpServerLayer, layer};
#[cfg(feature = "proxy")]
pub use crate::proxy::logfire_proxy;
pub use crate::service::{HttpServerService, ResponseFuture};

/// Instruments `router` with the default options: every request that it gets becomes a span.
///
/// Call it last: routes and fallbacks that are added later are not recorded.
///
/// ```
/// use axum::{Router, routing::get};
///
/// let app: Router = Router::new().route("/", get(|| async { "hello" }));
/// let app = logfire_rs_axum::instrument(app);
/// ```
pub fn instrument<S>(router: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    instrument_with(router, HttpServerOptions::default())
}

/// Instruments `router` with `options`; the environment key is `AXUM`.
///
/// Call it last: routes and fallbacks that are added later are not recorded.
///
/// ```
/// use axum::{Router, routing::get};
/// use logfire_rs_axum::HttpServerOptions;
///
/// let app: Router = Router::new().route("/", get(|| async { "hello" }));
/// let options = HttpServerOptions::default().exclude_routes(["/health"]);
/// let app = logfire_rs_axum::instrument_with(app, options);
/// ```
pub fn instrument_with<S>(router: Router<S>, options: HttpServerOptions) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.layer(layer(options).around_routes())
}

/// What `#[endpoint]` expands to; not for use.
#[cfg(feature = "endpoint")]
#[doc(hidden)]
pub mod __private {
    pub use logfire_rs_core::endpoint::{
        Argument, Captured, Endpoint, EndpointCall, EndpointInfo, EndpointLimits, no_key,
    };
    pub use logfire_rs_core::{
        __capture as capture, __capture_debug as capture_debug, __error_text as error_text,
        __wrong_key as wrong_key,
    };
    pub use logfire_rs_macros::facade_axum_endpoint as facade_endpoint;

    pub use crate::endpoint::{Arg, Axum as Framework};
}
