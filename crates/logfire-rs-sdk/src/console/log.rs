//! What the console needs of a log record.

use std::time::SystemTime;

use opentelemetry::{
    Key,
    logs::{AnyValue, Severity},
    trace::{SpanId, TraceId},
};
use opentelemetry_sdk::logs::SdkLogRecord;

use super::wording::short;
use crate::any_value::shown;

/// What `tracing-log` adds to the records of the `log` crate.
const PLACES: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];

/// A log record, as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) time: Option<SystemTime>,
    /// The span that was current.
    pub(crate) parent: Option<(TraceId, SpanId)>,
    pub(crate) severity: Option<Severity>,
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Log {
    pub(crate) fn of(record: &SdkLogRecord) -> Self {
        let body = record.body().map(shown).filter(|body| !body.is_empty());
        let body = body.or_else(|| record.event_name().map(str::to_owned)).unwrap_or_default();
        let for_people = |(key, _): &&(Key, AnyValue)| !key.as_str().starts_with("logfire.");
        let attributes = record.attributes_iter().filter(for_people);
        Self {
            time: record.timestamp().or_else(|| record.observed_timestamp()),
            parent: record.trace_context().map(|context| (context.trace_id, context.span_id)),
            severity: record.severity_number(),
            body: short(&body),
            attributes: attributes.map(|(key, value)| (key.to_string(), shown(value))).collect(),
        }
    }

    /// Body and attributes in one line, without the place in the code, as with the events of `tracing`.
    pub(crate) fn message(&self) -> String {
        let attributes = self.attributes.iter().filter(|(key, _)| !PLACES.contains(&key.as_str()));
        let attributes = attributes.map(|(key, value)| format!(" {key}={}", short(value)));
        std::iter::once(self.body.clone()).chain(attributes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_does_not_tell_where_a_record_of_the_log_crate_was_made() {
        let attributes = ["log.target", "log.module_path", "log.file", "log.line", "log.id"];
        let log = Log {
            time: None,
            parent: None,
            severity: None,
            body: "sold".to_owned(),
            attributes: attributes.map(|key| (key.to_owned(), "x".to_owned())).to_vec(),
        };
        assert_eq!(log.message(), "sold log.id=x");
    }
}
