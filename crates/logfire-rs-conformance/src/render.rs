//! Spans and metrics as text, without what differs from run to run.

use std::fmt::Write as _;

use opentelemetry::trace::{SpanId, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::trace::SpanData;

/// The spans as trees, each with its attributes, events and links.
#[must_use]
pub fn spans(spans: &[SpanData]) -> String {
    let known = |id: SpanId| spans.iter().any(|it| it.span_context.span_id() == id);
    let mut roots: Vec<_> = spans.iter().filter(|it| !known(it.parent_span_id)).collect();
    roots.sort_by_key(|it| it.start_time);
    let mut text = String::new();
    roots.into_iter().for_each(|it| tree(&mut text, spans, it, 0));
    text
}

/// The points of each metric: how many values, or which sum.
#[must_use]
pub fn metrics(metrics: &[ResourceMetrics]) -> String {
    let mut lines = Vec::new();
    let scopes = metrics.iter().flat_map(ResourceMetrics::scope_metrics);
    for metric in scopes.flat_map(ScopeMetrics::metrics) {
        let name = metric.name();
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                lines.extend(
                    histogram
                        .data_points()
                        .map(|it| format!("{name}{} count={}", set(it.attributes()), it.count())),
                );
            }
            AggregatedMetrics::U64(MetricData::Histogram(histogram)) => {
                lines.extend(histogram.data_points().map(|it| {
                    format!("{name}{} count={} sum={}", set(it.attributes()), it.count(), it.sum())
                }));
            }
            AggregatedMetrics::I64(MetricData::Sum(sum)) => lines.extend(
                sum.data_points()
                    .map(|it| format!("{name}{} = {}", set(it.attributes()), it.value())),
            ),
            other => lines.push(format!("{name} {other:?}")),
        }
    }
    lines.sort();
    lines.join("\n")
}

fn tree(text: &mut String, spans: &[SpanData], span: &SpanData, depth: usize) {
    let indent = "  ".repeat(depth);
    let kind = format!("{:?}", span.span_kind).to_lowercase();
    let remote = if span.parent_span_is_remote { " from remote" } else { "" };
    let status = match &span.status {
        Status::Unset => String::new(),
        Status::Ok => " ok".to_owned(),
        Status::Error { description } if description.is_empty() => " error".to_owned(),
        Status::Error { description } => format!(" error: {description}"),
    };
    writeln!(text, "{indent}{} [{kind}{remote}]{status}", span.name).unwrap();
    attributes(text, &format!("{indent}    "), &span.attributes);
    for event in &span.events.events {
        writeln!(text, "{indent}  ! {}", event.name).unwrap();
        attributes(text, &format!("{indent}    "), &event.attributes);
    }
    for link in &span.links.links {
        let sampled = link.span_context.is_sampled();
        writeln!(text, "{indent}  > linked (sampled: {sampled})").unwrap();
    }
    let id = span.span_context.span_id();
    let mut children: Vec<_> = spans.iter().filter(|it| it.parent_span_id == id).collect();
    children.sort_by_key(|it| it.start_time);
    children.into_iter().for_each(|it| tree(text, spans, it, depth + 1));
}

fn attributes(text: &mut String, indent: &str, attributes: &[KeyValue]) {
    let mut lines: Vec<_> = attributes.iter().map(attribute).collect();
    lines.sort();
    lines.into_iter().for_each(|it| writeln!(text, "{indent}{it}").unwrap());
}

fn attribute(attribute: &KeyValue) -> String {
    let value = match (attribute.key.as_str(), &attribute.value) {
        // The ports of a test are those that were free.
        ("network.peer.port", Value::I64(_)) => "<port>".to_owned(),
        ("server.port", Value::I64(port)) if *port >= 1024 => "<port>".to_owned(),
        (_, Value::String(text)) => format!("{:?}", text.as_str()),
        (_, other) => other.to_string(),
    };
    format!("{} = {value}", attribute.key)
}

fn set<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut pairs: Vec<_> = attributes
        .map(|it| match it.key.as_str() {
            "server.port" => format!("{}=<port>", it.key),
            _ => format!("{}={}", it.key, it.value),
        })
        .collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(", "))
}
