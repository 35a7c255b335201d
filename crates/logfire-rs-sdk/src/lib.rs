//! One line of OpenTelemetry setup for Logfire and any OTLP backend.
//!
//! ```
//! # fn main() -> Result<(), logfire_rs_sdk::ConfigureError> {
//! # let configure = || logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false);
//! let logfire = configure().service_name("shop").finish()?;
//! // … the program; dropping `logfire` sends what is left.
//! # drop(logfire);
//! # Ok(())
//! # }
//! ```
//!
//! (In a program, `configure` is [`logfire_rs_sdk::configure`](configure).)
//!
//! It shows each request on stderr while it happens, and sends traces and metrics to [Logfire] if there is a token,
//! and to the endpoint in `OTEL_EXPORTER_OTLP_ENDPOINT` if there is one. [`Configuration`] has every setting with its
//! environment variable and default: a setter wins over the environment, and the environment over the default.
//! An empty variable counts as unset.
//!
//! What is wrong with the environment is told in one line on stderr and ignored, except for what would send telemetry
//! to the wrong place; see [`ConfigureError`].
//!
//! # Crate features
//!
//! - **`otlp-http`** (default): export over HTTP, as protobuf or JSON, with TLS by rustls and ring.
//! - **`otlp-grpc`**: export over gRPC too, if `OTEL_EXPORTER_OTLP_PROTOCOL` says `grpc`.
//! - **`proxy`**: `Logfire::proxy`, which forwards the telemetry of browsers; it needs `otlp-http`.
//! - **`tracing`**: spans and events of the `tracing` crate, and records of the `log` crate, become spans and logs.
//! - **`testing`**: the module `testing`, which captures what a test records.
//!
//! [Logfire]: https://logfire.pydantic.dev

mod any_value;
mod configure;
mod console;
mod credentials;
mod data_model;
mod environment;
mod error;
#[cfg_attr(not(feature = "otlp-http"), path = "no_export.rs")]
mod export;
mod fingerprint;
mod front;
mod guard;
mod guarded;
mod ids;
mod json_schema;
mod level;
mod message;
mod metrics;
mod old_names;
#[cfg(feature = "tracing")]
mod parents;
mod pipeline;
mod propagation;
#[cfg(feature = "proxy")]
mod proxy;
mod resource;
mod sampling;
mod scrubbing;
mod send;
mod statistics;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tracing")]
mod tracing_bridge;
mod warnings;

pub use configure::{Configuration, configure};
pub use console::{Colors, ConsoleOptions, SpanStyle};
pub use data_model::LogfireSpanProcessor;
pub use error::{ConfigureError, FlushError};
pub use front::BaggageToAttributes;
pub use guard::Logfire;
pub use ids::TimeOrderedIdGenerator;
pub use level::Level;
pub use propagation::Propagator;
pub use resource::CodeSource;
pub use sampling::{Sampling, TailInfo, TailSampled, TailSamplingLogProcessor};
pub use scrubbing::{ScrubMatch, Scrubbed, Scrubber, Scrubbing, ScrubbingLogProcessor};
pub use send::SendToLogfire;
pub use statistics::{DestinationStatistics, ExportStatistics};
#[cfg(feature = "tracing")]
pub use tracing_bridge::EventFormat;

pub use opentelemetry;
pub use opentelemetry_sdk;
