//! One table of HTTP exchanges, run through every adapter of logfire-rs.
