//! The settings of servers and clients: one value each, whatever the framework.

mod client;
mod server;
mod shared;

pub use self::client::HttpClientOptions;
pub(crate) use self::server::FrameHook;
pub use self::server::{DistributedTracing, HttpServerOptions, SpanDetails, SpanEnd, UrlScheme};
pub(crate) use self::shared::SharedOptions;
