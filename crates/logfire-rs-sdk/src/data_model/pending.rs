//! That a span has begun: the copy of it that is exported then.

use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanId},
};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Span, SpanData, SpanEvents, SpanLinks,
};

use super::SPAN_TYPE;
use crate::message::attribute;

const PENDING_PARENT: &str = "logfire.pending_parent_id";
const PENDING: &str = "pending_span";

/// The copy of a sampled span that says that it has begun: a child of it without a duration.
pub(crate) fn pending(span: &Span, ids: &RandomIdGenerator) -> Option<SpanData> {
    let span = span.exported_data().filter(|span| span.span_context.is_sampled())?;
    Some(announce(span, ids))
}

/// The same of what is known of the span.
pub(crate) fn announce(mut pending: SpanData, ids: &RandomIdGenerator) -> SpanData {
    let real = pending.span_context;
    pending.span_context = SpanContext::new(
        real.trace_id(),
        ids.new_span_id(),
        real.trace_flags(),
        false,
        real.trace_state().clone(),
    );
    let parent = std::mem::replace(&mut pending.parent_span_id, real.span_id());
    pending.parent_span_is_remote = false;
    pending.end_time = pending.start_time;
    pending.events = SpanEvents::default();
    pending.links = SpanLinks::default();
    pending.attributes.push(KeyValue::new(SPAN_TYPE, PENDING));
    // Sixteen zeros for a root.
    pending.attributes.push(KeyValue::new(PENDING_PARENT, parent.to_string()));
    pending
}

/// The span that a pending one announces, as it was when it began.
pub(crate) fn announced(mut pending: SpanData) -> SpanData {
    let parent = attribute(&pending.attributes, &[PENDING_PARENT]);
    let parent = parent.and_then(|parent| SpanId::from_hex(&parent.as_str()).ok());
    let context = &pending.span_context;
    pending.span_context = SpanContext::new(
        context.trace_id(),
        pending.parent_span_id,
        context.trace_flags(),
        false,
        context.trace_state().clone(),
    );
    pending.parent_span_id = parent.unwrap_or(SpanId::INVALID);
    pending.attributes.retain(|it| ![SPAN_TYPE, PENDING_PARENT].contains(&it.key.as_str()));
    pending
}

pub(crate) fn is_pending(span: &SpanData) -> bool {
    attribute(&span.attributes, &[SPAN_TYPE]).is_some_and(|value| value.as_str() == PENDING)
}

/// Whether a span that is encoded already is pending.
#[cfg(feature = "otlp-http")]
pub(crate) fn announces(span: &opentelemetry_proto::tonic::trace::v1::Span) -> bool {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;

    let types = span.attributes.iter().filter(|attribute| attribute.key == SPAN_TYPE);
    let mut values = types.filter_map(|attribute| attribute.value.as_ref()?.value.as_ref());
    values.any(|value| matches!(value, Value::StringValue(text) if text == PENDING))
}

/// Takes out the pending spans whose real span is in the same batch: it says everything.
#[cfg(feature = "otlp-http")]
pub(crate) fn remove_outdated_pending(batch: &mut Vec<SpanData>) {
    if batch.iter().any(is_pending) {
        let ended = batch.iter().filter(|span| !is_pending(span));
        let ended: std::collections::HashSet<_> =
            ended.map(|span| span.span_context.span_id()).collect();
        batch.retain(|span| !(is_pending(span) && ended.contains(&span.parent_span_id)));
    }
}

#[cfg(all(test, feature = "otlp-http"))]
mod tests {
    use opentelemetry::trace::Tracer;

    use super::{super::tests::exported, *};

    #[test]
    fn an_announcement_is_outdated_when_the_span_is_in_the_same_batch() {
        let spans = exported(true, |tracer| {
            let _open = tracer.start("open");
            tracer.start("ended");
        });
        let names = |batch: &[SpanData]| -> Vec<_> {
            batch.iter().map(|span| (span.name.clone(), is_pending(span))).collect()
        };
        let [open_began, ended_began, ended, open] = spans.try_into().unwrap();
        let mut batch = vec![open_began, ended_began, ended];
        remove_outdated_pending(&mut batch);
        assert_eq!(names(&batch), [("open".into(), true), ("ended".into(), false)]);
        let mut batch = vec![open];
        remove_outdated_pending(&mut batch);
        assert_eq!(names(&batch), [("open".into(), false)]);
    }
}
