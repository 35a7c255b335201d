//! OpenTelemetry instrumentation for reqwest.
