//! The levels of `tracing`, as levels of Logfire.

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanBuilder, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Metadata;

use crate::{Level, data_model};

/// What the layer calls the level of a span; it comes before the fields of the span.
const LEVEL: &str = "level";

pub(super) fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

/// Whether spans and events of `metadata` leave. A span that does not is no parent either.
pub(super) fn is_loud(metadata: &Metadata<'_>, min_level: Option<Level>) -> bool {
    min_level.is_none_or(|min_level| level(*metadata.level()) >= min_level)
}

/// Makes spans with the level that the layer has written down, where Logfire looks for it.
///
/// `info` is what a span has that has none, and so is not said: then its status can say more.
#[derive(Debug)]
pub(super) struct Leveling(pub(super) SdkTracer);

impl Tracer for Leveling {
    type Span = <SdkTracer as Tracer>::Span;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> Self::Span {
        if let Some(attributes) = &mut builder.attributes
            && let Some(index) = attributes.iter().position(|it| it.key.as_str() == LEVEL)
        {
            let written = attributes.remove(index);
            if let Value::String(name) = &written.value
                && let Some(level) = Level::parse(name.as_str())
                && level != Level::Info
            {
                attributes.insert(index, KeyValue::new(data_model::LEVEL, level.number()));
            }
        }
        self.0.build_with_context(builder, parent)
    }
}
