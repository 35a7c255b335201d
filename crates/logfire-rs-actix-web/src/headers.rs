//! The header map of actix-web, for core.

use actix_web::http::header::{self, HeaderName};
use logfire_rs_core::{HeaderValue, Headers};

pub(crate) struct ActixHeaders<'a>(pub(crate) &'a header::HeaderMap);

impl Headers for ActixHeaders<'_> {
    fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
        match known(name) {
            Some(name) => self.0.get(name),
            None => self.0.get(name),
        }
        .map(value)
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
        self.0.get_all(name).map(value).for_each(visit);
    }

    fn first_of_several(&self, name: &str) -> Option<(HeaderValue<'_>, bool)> {
        let mut values = match known(name) {
            Some(name) => self.0.get_all(name),
            None => self.0.get_all(name),
        };
        Some((value(values.next()?), values.next().is_some()))
    }

    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
        self.0.iter().for_each(|(name, it)| visit(name.as_str(), value(it)));
    }
}

/// The names that core asks for with every request: looked up without parsing them each time.
fn known(name: &str) -> Option<&'static HeaderName> {
    static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
    static BAGGAGE: HeaderName = HeaderName::from_static("baggage");
    Some(match name {
        "host" => &header::HOST,
        "traceparent" => &TRACEPARENT,
        "tracestate" => &TRACESTATE,
        "baggage" => &BAGGAGE,
        "user-agent" => &header::USER_AGENT,
        "content-length" => &header::CONTENT_LENGTH,
        "content-type" => &header::CONTENT_TYPE,
        _ => return None,
    })
}

fn value(value: &header::HeaderValue) -> HeaderValue<'_> {
    HeaderValue { bytes: value.as_bytes(), sensitive: value.is_sensitive() }
}
