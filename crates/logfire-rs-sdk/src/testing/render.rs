//! What was recorded, as text, without what differs from run to run.

use std::{
    collections::HashSet,
    fmt::{self, Display},
};

use opentelemetry::{
    Key, KeyValue, Value,
    logs::AnyValue,
    trace::{SpanId, Status, TraceId},
};
use opentelemetry_sdk::{
    logs::SdkLogRecord,
    metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics},
    trace::SpanData,
};
use opentelemetry_semantic_conventions::attribute::{NETWORK_PEER_PORT, SERVER_PORT};

use super::{Captured, Logs, Metrics, Spans};
use crate::any_value::shown;

/// Ports below are named in a test, others are those that were free.
const FIRST_FREE_PORT: i64 = 1024;

impl Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: HashSet<_> = self.spans.iter().map(id).collect();
        let elsewhere = |log: &&SdkLogRecord| parent(log).is_none_or(|id| !ids.contains(&id));
        let (alone, inside): (Vec<_>, Vec<_>) = self.logs.iter().partition(elsewhere);
        let parts = [
            Tree { spans: &self.spans, logs: &inside }.to_string(),
            alone.into_iter().map(|it| Log(it, "").to_string()).collect(),
            self.metrics.to_string(),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        f.write_str(&parts.join("\n"))
    }
}

impl Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Tree { spans: self, logs: &[] }.fmt(f)
    }
}

impl Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|log| Log(log, "").fmt(f))
    }
}

impl Display for Metrics {
    /// The points of each metric: how many values, or which sum.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = self.iter().flat_map(ResourceMetrics::scope_metrics);
        let mut lines = Vec::new();
        for metric in scopes.flat_map(ScopeMetrics::metrics) {
            let name = metric.name();
            match metric.data() {
                // Durations differ from run to run.
                AggregatedMetrics::F64(data) => points(&mut lines, name, data, false),
                AggregatedMetrics::U64(data) => points(&mut lines, name, data, true),
                AggregatedMetrics::I64(data) => points(&mut lines, name, data, true),
            }
        }
        lines.sort();
        lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn points<T: Copy + Display>(
    lines: &mut Vec<String>,
    name: &str,
    data: &MetricData<T>,
    with_sums: bool,
) {
    let distribution = |set: String, count: u64, sum: T| match with_sums {
        true => format!("{name}{set} count={count} sum={sum}"),
        false => format!("{name}{set} count={count}"),
    };
    match data {
        MetricData::Gauge(gauge) => lines.extend(
            gauge
                .data_points()
                .map(|it| format!("{name}{} = {}", set(it.attributes()), it.value())),
        ),
        MetricData::Sum(sum) => lines.extend(
            sum.data_points().map(|it| format!("{name}{} = {}", set(it.attributes()), it.value())),
        ),
        MetricData::Histogram(histogram) => lines.extend(
            histogram
                .data_points()
                .map(|it| distribution(set(it.attributes()), it.count(), it.sum())),
        ),
        MetricData::ExponentialHistogram(histogram) => lines.extend(
            histogram
                .data_points()
                .map(|it| distribution(set(it.attributes()), it.count() as u64, it.sum())),
        ),
    }
}

fn set<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut pairs: Vec<_> = attributes
        .map(|it| match it.key.as_str() {
            SERVER_PORT if is_free(&it.value) => format!("{}=<port>", it.key),
            _ => format!("{}={}", it.key, it.value),
        })
        .collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(", "))
}

struct Tree<'a> {
    spans: &'a [SpanData],
    logs: &'a [&'a SdkLogRecord],
}

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: HashSet<_> = self.spans.iter().map(id).collect();
        let is_root =
            |it: &&SpanData| !known.contains(&(it.span_context.trace_id(), it.parent_span_id));
        self.level(f, is_root, 0)
    }
}

impl Tree<'_> {
    fn level(
        &self,
        f: &mut fmt::Formatter<'_>,
        belongs: impl FnMut(&&SpanData) -> bool,
        depth: usize,
    ) -> fmt::Result {
        let mut spans: Vec<_> = self.spans.iter().filter(belongs).collect();
        spans.sort_by_key(|it| it.start_time);
        spans.into_iter().try_for_each(|it| self.span(f, it, depth))
    }

    fn span(&self, f: &mut fmt::Formatter<'_>, span: &SpanData, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        let kind = format!("{:?}", span.span_kind).to_lowercase();
        let remote = if span.parent_span_is_remote { " from remote" } else { "" };
        let status = match &span.status {
            Status::Unset => String::new(),
            Status::Ok => " ok".to_owned(),
            Status::Error { description } if description.is_empty() => " error".to_owned(),
            Status::Error { description } => format!(" error: {description}"),
        };
        writeln!(f, "{indent}{} [{kind}{remote}]{status}", span.name)?;
        attributes(f, &indent, span.attributes.iter().map(attribute))?;
        for event in &span.events.events {
            writeln!(f, "{indent}  ! {}", event.name)?;
            attributes(f, &indent, event.attributes.iter().map(attribute))?;
        }
        for link in &span.links.links {
            writeln!(f, "{indent}  > linked (sampled: {})", link.span_context.is_sampled())?;
        }
        let (trace, own) = id(span);
        let mut logs = self.logs.iter().filter(|log| parent(log) == Some((trace, own)));
        logs.try_for_each(|log| Log(log, &format!("{indent}  ")).fmt(f))?;
        let is_child =
            |it: &&SpanData| it.parent_span_id == own && it.span_context.trace_id() == trace;
        self.level(f, is_child, depth + 1)
    }
}

/// A log record, and what its lines begin with.
struct Log<'a>(&'a SdkLogRecord, &'a str);

impl Display for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(record, indent) = self;
        let severity =
            record.severity_text().or_else(|| record.severity_number().map(|it| it.name()));
        let body = record.body().map(shown);
        let words =
            [severity.map(str::to_owned), body.or_else(|| record.event_name().map(str::to_owned))];
        let words: Vec<_> = words.into_iter().flatten().collect();
        writeln!(f, "{indent}- {}", words.join(" "))?;
        attributes(f, indent, record.attributes_iter().map(log_attribute))
    }
}

fn attributes(
    f: &mut fmt::Formatter<'_>,
    indent: &str,
    attributes: impl Iterator<Item = String>,
) -> fmt::Result {
    let mut lines: Vec<_> = attributes.collect();
    lines.sort();
    lines.iter().try_for_each(|line| writeln!(f, "{indent}    {line}"))
}

fn attribute(attribute: &KeyValue) -> String {
    let value = match (attribute.key.as_str(), &attribute.value) {
        (NETWORK_PEER_PORT, Value::I64(_)) => "<port>".to_owned(),
        (SERVER_PORT, port) if is_free(port) => "<port>".to_owned(),
        (_, Value::String(text)) => format!("{:?}", text.as_str()),
        (_, other) => other.to_string(),
    };
    format!("{} = {value}", attribute.key)
}

/// Whether it is a port that nobody chose.
fn is_free(port: &Value) -> bool {
    matches!(port, Value::I64(port) if *port >= FIRST_FREE_PORT)
}

fn log_attribute((key, value): &(Key, AnyValue)) -> String {
    match value {
        AnyValue::String(text) => format!("{key} = {:?}", text.as_str()),
        other => format!("{key} = {}", shown(other)),
    }
}

fn id(span: &SpanData) -> (TraceId, SpanId) {
    (span.span_context.trace_id(), span.span_context.span_id())
}

fn parent(log: &SdkLogRecord) -> Option<(TraceId, SpanId)> {
    log.trace_context().map(|context| (context.trace_id, context.span_id))
}
