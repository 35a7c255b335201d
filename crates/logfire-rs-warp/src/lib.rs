#![doc = include_str!("../README.md")]

mod filters;
mod path;
mod rejection;
mod route;
mod serve;
pub mod service;
#[cfg(feature = "ws")]
mod ws;

pub use logfire_rs_core::{self as core, HttpServerOptions, RequestSpan, current_request};

pub use crate::filters::{remote, request_span};
pub use crate::rejection::observe;
pub use crate::route::route;
pub use crate::serve::Server;
pub use crate::service::{InstrumentedFilter, instrument, instrument_with};
#[cfg(feature = "ws")]
pub use crate::ws::{WebSocket, Ws, ws};

/// What the macros need; not for use.
#[doc(hidden)]
pub mod __private {
    pub use warp;

    pub use crate::route::declare;
}
