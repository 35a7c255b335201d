//! Requests over real sockets, and the spans and metrics that come of them.

mod context;
mod errors;
mod servers;
mod spans;
mod telemetry;
