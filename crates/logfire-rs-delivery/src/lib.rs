//! Destinations and OTLP delivery for logfire-rs.
