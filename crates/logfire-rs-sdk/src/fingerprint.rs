//! What makes errors one issue in Logfire: the same kind of error, at the same place.
//!
//! Python hashes the canonical form of the traceback, without the message. An error of Rust has none, so the place is
//! what the span knows of it.

use std::fmt::Write;

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute::{
    CODE_FUNCTION_NAME, EXCEPTION_TYPE, SERVER_ADDRESS,
};
use sha2::{Digest, Sha256};

use crate::message::text;

/// SHA-256 in hexadecimal digits, if an error was recorded. Of several errors the last counts, as in Python: it is the
/// one that came through.
///
/// No message is in it, since messages hold values: each request would be an issue of its own.
pub(crate) fn fingerprint(span: &SpanData) -> Option<String> {
    let exception = span.events.iter().rfind(|event| event.name == "exception")?;
    let error_type = text(&exception.attributes, &[EXCEPTION_TYPE])?;
    let function = text(&span.attributes, &[CODE_FUNCTION_NAME]);
    // The name of a request is its method and route.
    let place = function.as_deref().unwrap_or(&span.name);
    let host = match span.span_kind {
        SpanKind::Client => text(&span.attributes, &[SERVER_ADDRESS]).unwrap_or_default(),
        _ => "".into(),
    };
    let digest = Sha256::digest(format!("{error_type}\n{place}\n{host}"));
    Some(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use opentelemetry::{
        KeyValue,
        trace::{Event, SpanBuilder, Tracer, TracerProvider},
    };
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// The fingerprint of a span of this kind, name and attributes with errors of these types and messages.
    fn of(
        kind: SpanKind,
        name: &'static str,
        attributes: &[(&'static str, &'static str)],
        errors: &[(&'static str, &'static str)],
    ) -> Option<String> {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
        let events = errors.iter().map(|(error_type, message)| {
            let attributes = vec![
                KeyValue::new("exception.type", *error_type),
                KeyValue::new("exception.message", *message),
            ];
            Event::new("exception", SystemTime::now(), attributes, 0)
        });
        let builder = SpanBuilder::from_name(name)
            .with_kind(kind)
            .with_attributes(attributes)
            .with_events(events.collect());
        let provider = SdkTracerProvider::builder().build();
        fingerprint(&provider.tracer("test").build(builder).exported_data().unwrap())
    }

    #[test]
    fn it_is_the_sha_256_of_type_and_place() {
        // printf 'shop::Error\nGET /orders/{id}\n' | sha256sum
        let expected = "46b8be31769cb00b64b67b010374aa9327f9659952c23d202044f00a7896175c";
        let orders = of(SpanKind::Server, "GET /orders/{id}", &[], &[("shop::Error", "no 7")]);
        assert_eq!(orders.as_deref(), Some(expected));
        assert_eq!(of(SpanKind::Server, "GET /orders/{id}", &[], &[]), None);
    }

    #[test]
    fn type_function_route_and_called_host_part_errors_and_messages_do_not() {
        let error = [("shop::Error", "no 7")];
        let request = |name, attributes: &[_]| of(SpanKind::Server, name, attributes, &error);
        let one = request("GET /a", &[]);
        let other_message = [("shop::Error", "no 8")];
        assert_eq!(one, of(SpanKind::Server, "GET /a", &[], &other_message));
        assert_eq!(one, request("GET /a", &[("server.address", "shop.example")]));
        assert_ne!(one, request("GET /b", &[]));
        assert_ne!(one, of(SpanKind::Server, "GET /a", &[], &[("shop::Other", "no 7")]));

        let function = [("code.function.name", "shop::order")];
        assert_eq!(request("GET /a", &function), request("POST /b", &function));
        assert_ne!(one, request("GET /a", &function));

        let call = |host| of(SpanKind::Client, "GET", &[("server.address", host)], &error);
        assert_ne!(call("a.example"), call("b.example"));
    }

    #[test]
    fn the_last_error_counts() {
        let request = |errors: &[_]| of(SpanKind::Server, "GET /a", &[], errors);
        let both = request(&[("one", ""), ("two", "")]);
        assert_eq!(both, request(&[("two", "")]));
        assert_ne!(both, request(&[("one", "")]));
    }
}
