//! Requests over real sockets, and the spans and metrics that come of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test stands on may fail it"
)]

mod blocking;
mod bodies;
mod connections;
mod context;
mod errors;
mod exporters;
mod middleware;
mod requests;
mod servers;
mod spans;
mod surface;
mod telemetry;
