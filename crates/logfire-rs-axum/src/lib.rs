//! OpenTelemetry instrumentation for axum.
