//! How values of logs are shown; no exchange logs any.

use opentelemetry::logs::AnyValue;

pub(crate) fn shown(value: &AnyValue) -> String {
    format!("{value:?}")
}
