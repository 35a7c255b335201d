//! The HTTP semantic conventions of OpenTelemetry for every adapter of logfire-rs.
