#![doc = include_str!("../README.md")]

mod client;
#[cfg(feature = "proxy")]
mod proxy;
mod server;

pub use logfire_rs_core::{
    self as core, HttpClientOptions, HttpServerOptions, PerRequest, RequestSpan, current_request,
};
pub use logfire_rs_tower::{
    ClientResponseFuture, HttpClientLayer, InstrumentedBody, InstrumentedClientBody, ResponseFuture,
};

pub use crate::client::{
    Answer, Client, Connecting, InstrumentedConnection, InstrumentedConnector, client_layer,
    instrument_client, instrument_client_builder, instrument_client_with,
};
#[cfg(feature = "proxy")]
pub use crate::proxy::{ProxyFuture, ProxyService, logfire_proxy};
pub use crate::server::{
    HttpServerService, ObservingHttpServerService, Peer, instrument, instrument_with,
};
