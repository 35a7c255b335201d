#![doc = include_str!("../README.md")]

#[cfg(feature = "endpoint")]
mod endpoint;
mod filters;
mod path;
#[cfg(feature = "proxy")]
mod proxy;
mod rejection;
mod route;
mod serve;
pub mod service;
#[cfg(feature = "ws")]
mod ws;

pub use logfire_rs_core::{
    self as core, EndpointArguments, EndpointLimits, HttpServerOptions, RequestSpan,
    current_request,
};

#[cfg(feature = "endpoint")]
pub use crate::endpoint::{endpoint, query};
pub use crate::filters::{remote, request_span};
#[cfg(feature = "proxy")]
pub use crate::proxy::logfire_proxy;
pub use crate::rejection::observe;
pub use crate::route::route;
pub use crate::serve::Server;
pub use crate::service::{InstrumentedFilter, instrument, instrument_with};
#[cfg(feature = "ws")]
pub use crate::ws::{WebSocket, Ws, ws};

/// What the macros need; not for use.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "endpoint")]
    pub use logfire_rs_core::endpoint::{
        Argument, Captured, Endpoint, EndpointCall, EndpointInfo, EndpointLimits, no_key,
    };
    #[cfg(feature = "endpoint")]
    pub use logfire_rs_core::{
        __capture as capture, __capture_debug as capture_debug, __error_text as error_text,
        __wrong_key as wrong_key,
    };
    #[cfg(feature = "endpoint")]
    pub use logfire_rs_macros::facade_warp_endpoint as facade_endpoint;
    pub use warp;

    #[cfg(feature = "endpoint")]
    pub use crate::endpoint::Warp as Framework;
    pub use crate::route::declare;
}
