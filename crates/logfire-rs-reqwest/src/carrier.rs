//! The headers of reqwest as core reads and writes them.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use logfire_rs_core::{Headers, OutgoingHeaders};
use opentelemetry::propagation::Injector;

/// Read access for core.
pub(crate) struct Lines<'a>(pub(crate) &'a HeaderMap);

impl Headers for Lines<'_> {
    fn first(&self, name: &str) -> Option<logfire_rs_core::HeaderValue<'_>> {
        self.0.get(name).map(value)
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(logfire_rs_core::HeaderValue<'_>)) {
        self.0.get_all(name).iter().for_each(|it| visit(value(it)));
    }

    fn each_pair(&self, visit: &mut dyn FnMut(&str, logfire_rs_core::HeaderValue<'_>)) {
        self.0.iter().for_each(|(name, it)| visit(name.as_str(), value(it)));
    }
}

fn value(value: &HeaderValue) -> logfire_rs_core::HeaderValue<'_> {
    logfire_rs_core::HeaderValue { bytes: value.as_bytes(), sensitive: value.is_sensitive() }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Write access for propagators: a header takes the place of those that the caller wrote.
pub(crate) struct Outgoing<'a>(pub(crate) &'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        // Constant names cost no allocation, and are not read each time.
        let name = match key {
            "traceparent" => Ok(TRACEPARENT),
            "tracestate" => Ok(TRACESTATE),
            "baggage" => Ok(BAGGAGE),
            other => HeaderName::try_from(other),
        };
        let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) else { return };
        if name == TRACEPARENT {
            // What is there belongs to the trace that is replaced.
            self.0.remove(TRACESTATE);
        }
        self.0.insert(name, value);
    }
}

impl OutgoingHeaders for Outgoing<'_> {
    fn set_traceparent(&mut self, value: Bytes) {
        // To look at each of a few names costs less than a hash of one.
        if self.0.keys().any(|it| *it == "tracestate") {
            self.0.remove(TRACESTATE);
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(value) {
            self.0.insert(TRACEPARENT, value);
        }
    }
}
