//! One line of OpenTelemetry setup for Logfire and any OTLP backend.
