//! What a span says of itself in the end: its message, its level, and what its error is known by.

use opentelemetry::{
    KeyValue, Value,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;

use super::{LEVEL, SPAN_TYPE};
use crate::{
    Level, fingerprint, json_schema,
    message::{attribute, message, status_code, text},
};

const MESSAGE: &str = "logfire.msg";
const FINGERPRINT: &str = "logfire.exception.fingerprint";

const LEVEL_INFO: i64 = 9;
const LEVEL_WARN: i64 = 13;
const LEVEL_ERROR: i64 = 17;

/// Adds type, message, level, schema and fingerprint, and makes level and status agree.
pub(crate) fn complete(span: &mut SpanData) {
    keep_last(&mut span.attributes);
    json_schema::add_bodies(&mut span.attributes);
    if text(&span.attributes, &[SPAN_TYPE]).is_none() {
        span.attributes.push(KeyValue::new(SPAN_TYPE, "span"));
    }
    if text(&span.attributes, &[MESSAGE]).is_none() {
        let message = message(span).into_owned();
        span.attributes.push(KeyValue::new(MESSAGE, message));
    }
    match (&span.status, own_level(span)) {
        (Status::Error { .. }, None) => span.attributes.push(KeyValue::new(LEVEL, LEVEL_ERROR)),
        (Status::Error { .. }, Some(..LEVEL_INFO)) => {
            span.attributes.retain(|attribute| attribute.key.as_str() != LEVEL);
            span.attributes.push(KeyValue::new(LEVEL, LEVEL_ERROR));
        }
        (Status::Unset, Some(LEVEL_ERROR..)) => span.status = Status::error(""),
        (Status::Unset, None) => {
            if let Some(level) = http_level(span) {
                span.attributes.push(KeyValue::new(LEVEL, level));
                if level == LEVEL_ERROR {
                    span.status = Status::error("");
                }
            }
        }
        _ => {}
    }
    if own_level(span).is_some_and(|level| level >= LEVEL_ERROR)
        && attribute(&span.attributes, &[FINGERPRINT]).is_none()
        && let Some(fingerprint) = fingerprint::fingerprint(span)
    {
        span.attributes.push(KeyValue::new(FINGERPRINT, fingerprint));
    }
}

/// The level that the span was given.
pub(crate) fn own_level(span: &SpanData) -> Option<i64> {
    let is_level = |attribute: &&KeyValue| attribute.key.as_str() == LEVEL;
    match span.attributes.iter().rfind(is_level)?.value {
        Value::I64(level) => Some(level),
        _ => None,
    }
}

/// The level that the span has, or will have when it is completed.
pub(crate) fn level(span: &SpanData) -> Level {
    let has_failed = matches!(span.status, Status::Error { .. });
    let level = match own_level(span) {
        None | Some(..LEVEL_INFO) if has_failed => Some(LEVEL_ERROR),
        None => http_level(span),
        own => own,
    };
    level.map(Level::at).unwrap_or_default()
}

/// The SDK adds an attribute that is set again behind the first one of its name.
fn keep_last(attributes: &mut Vec<KeyValue>) {
    let mut index = 0;
    while let Some(attribute) = attributes.get(index) {
        let later = attributes.iter().skip(index + 1);
        if later.clone().any(|it| it.key == attribute.key) {
            attributes.remove(index);
        } else {
            index += 1;
        }
    }
}

fn http_level(span: &SpanData) -> Option<i64> {
    match (&span.span_kind, status_code(&span.attributes)?) {
        (SpanKind::Server, 500..) | (SpanKind::Client, 400..) => Some(LEVEL_ERROR),
        (SpanKind::Server, 400..) => Some(LEVEL_WARN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use opentelemetry::trace::{Event, Span as _, SpanBuilder, Tracer};

    use super::{
        super::tests::{added, exported},
        *,
    };

    fn of(builder: SpanBuilder) -> String {
        added(&exported(false, |tracer| drop(tracer.build(builder)))[0])
    }

    fn answered(kind: SpanKind, code: i64) -> String {
        let attributes =
            [KeyValue::new("http.response.status_code", code), KeyValue::new("x", true)];
        of(SpanBuilder::from_name("x").with_kind(kind).with_attributes(attributes))
    }

    #[test]
    fn the_level_follows_from_kind_and_status_code() {
        let usual = "span_type=span msg=x";
        assert_eq!(answered(SpanKind::Server, 200), usual);
        assert_eq!(answered(SpanKind::Server, 404), format!("{usual} level_num=13"));
        assert_eq!(answered(SpanKind::Server, 500), format!("{usual} level_num=17 error"));
        assert_eq!(answered(SpanKind::Client, 399), usual);
        assert_eq!(answered(SpanKind::Client, 400), format!("{usual} level_num=17 error"));
        assert_eq!(answered(SpanKind::Internal, 500), usual);
    }

    #[test]
    fn level_and_status_agree_and_what_is_there_stays() {
        let with = |name, value: Value| {
            let attributes = [KeyValue::new(name, value)];
            SpanBuilder::from_name("x").with_attributes(attributes)
        };
        assert_eq!(
            of(with("logfire.level_num", 17.into())),
            "level_num=17 span_type=span msg=x error"
        );
        assert_eq!(of(with("logfire.level_num", 9.into())), "level_num=9 span_type=span msg=x");
        let failed = |level: i64| {
            let spans = exported(false, |tracer| {
                let mut span = tracer.build(with("logfire.level_num", level.into()));
                span.set_status(Status::error("why"));
            });
            added(&spans[0])
        };
        assert_eq!(failed(13), "level_num=13 span_type=span msg=x error");
        assert_eq!(failed(5), "span_type=span msg=x level_num=17 error");
        assert_eq!(of(with("logfire.msg", "mine".into())), "msg=mine span_type=span");
        assert_eq!(of(with("logfire.span_type", "log".into())), "span_type=log msg=x");
        let failed = exported(false, |tracer| tracer.start("x").set_status(Status::error("why")));
        assert_eq!(added(&failed[0]), "span_type=span msg=x level_num=17 error");
    }

    #[test]
    fn an_error_has_a_fingerprint_if_the_span_failed() {
        let with = |attributes: Vec<KeyValue>| {
            let exception = vec![KeyValue::new("exception.type", "shop::Error")];
            let event = Event::new("exception", SystemTime::now(), exception, 0);
            SpanBuilder::from_name("x")
                .with_kind(SpanKind::Server)
                .with_attributes(attributes)
                .with_events(vec![event])
        };
        let code = |code: i64| KeyValue::new("http.response.status_code", code);
        let failed = of(with(vec![code(500)]));
        let (usual, fingerprint) = failed.split_once(" exception.fingerprint=").unwrap();
        assert_eq!(usual, "span_type=span msg=x level_num=17");
        // 64 digits, and ` error`.
        assert_eq!(fingerprint.len(), 70);
        assert_eq!(of(with(vec![code(404)])), "span_type=span msg=x level_num=13");
        let own = KeyValue::new("logfire.exception.fingerprint", "mine");
        assert_eq!(
            of(with(vec![code(500), own])),
            "exception.fingerprint=mine span_type=span msg=x level_num=17 error"
        );
    }
}
