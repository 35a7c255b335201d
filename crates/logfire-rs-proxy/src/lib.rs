//! Forwards the telemetry of browsers to the backend, without showing them the token: the `logfire_proxy` of
//! [Pydantic Logfire](https://logfire.pydantic.dev) for Rust.
//!
//! A page's OpenTelemetry SDK posts to your own server. [`LogfireProxy::forward`] checks what arrives, queues it and
//! answers at once; threads of [`logfire_rs_delivery`] add the token and take it to Logfire, or to any other OTLP
//! endpoint. Of the browser's headers nothing is passed on but `Content-Type`, `Content-Encoding` and `User-Agent`, and
//! of the body no byte is changed or read.
//!
//! ```
//! use bytes::Bytes;
//! use logfire_rs_proxy::{HeaderValue, Headers, LogfireProxy};
//!
//! /// The headers of the framework at hand.
//! struct Json;
//!
//! impl Headers for Json {
//!     fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
//!         (name == "content-type").then(|| "application/json".into())
//!     }
//!     # fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
//!     #     self.first(name).into_iter().for_each(visit);
//!     # }
//!     # fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
//!     #     self.each("content-type", &mut |value| visit("content-type", value));
//!     # }
//!     // …
//! }
//!
//! let proxy = LogfireProxy::builder().env_lookup(|_| None);
//! let proxy = proxy.tokens(["pylf_v1_us_0123456789"]).base_url("http://127.0.0.1:1").finish()?;
//! let response = proxy.forward("/v1/traces", &Json, Bytes::from_static(b"{}"));
//! assert_eq!((response.status, &response.body[..]), (200, &b"{}"[..]));
//! # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
//! ```
//!
//! The adapters of logfire-rs for axum, actix-web, warp, hyper and tower have a `logfire_proxy` that mounts it. Whoever
//! writes another mount finds in [`LogfireProxy::receive`] what is left to do around the body.

mod builder;
mod environment;
mod origins;
mod proxy;
mod response;
mod signal;
mod upload;

pub use logfire_rs_core::{HeaderValue, Headers};
pub use logfire_rs_delivery::{Deliveries, DeliveryCounts, Destination, Unfinished};

pub use crate::builder::{InvalidProxy, LogfireProxyBuilder};
pub use crate::proxy::LogfireProxy;
pub use crate::response::ForwardResponse;
pub use crate::signal::Signal;
pub use crate::upload::Upload;
