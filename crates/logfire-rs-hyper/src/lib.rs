#![doc = include_str!("../README.md")]

mod server;

pub use logfire_rs_core::{self as core, HttpServerOptions, RequestSpan, current_request};
pub use logfire_rs_tower::{InstrumentedBody, ResponseFuture};

pub use crate::server::{
    HttpServerService, ObservingHttpServerService, Peer, instrument, instrument_with,
};
