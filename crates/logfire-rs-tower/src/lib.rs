#![doc = include_str!("../README.md")]

mod body;
mod client;
mod future;
mod headers;
mod layer;
mod observe;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "ws")]
pub mod ws;

pub use logfire_rs_core::{
    self as core, HttpClientOptions, HttpServerOptions, PerRequest, RequestSpan, current_request,
};

pub use crate::body::InstrumentedBody;
pub use crate::client::{
    ClientResponseFuture, HttpClientLayer, HttpClientService, InstrumentedClientBody,
    ObservingHttpClientLayer, ObservingHttpClientService,
};
pub use crate::future::ResponseFuture;
pub use crate::headers::HttpHeaders;
pub use crate::layer::{HttpServerLayer, HttpServerService, instrument, instrument_with};
pub use crate::observe::{ObserveRequestBody, ObservingHttpServerLayer};
#[cfg(feature = "proxy")]
pub use crate::proxy::{ProxyFuture, ProxyService, logfire_proxy};
