//! OpenTelemetry instrumentation for tower HTTP services.
