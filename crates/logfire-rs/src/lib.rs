//! One line of OpenTelemetry instrumentation for axum, reqwest and friends.
