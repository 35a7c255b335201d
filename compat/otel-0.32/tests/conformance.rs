//! The table of exchanges, through every adapter: the texts are those of OpenTelemetry 0.33.

#[path = "../../../crates/logfire-rs-conformance/tests/it/exchanges.rs"]
mod exchanges;
