//! No SDK, and a late one: as with OpenTelemetry 0.33.

#[path = "../../../crates/logfire-rs-conformance/tests/no_sdk.rs"]
mod no_sdk;
