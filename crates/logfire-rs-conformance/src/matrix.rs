//! What is recorded by whom, as tables of Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use opentelemetry::trace::SpanKind;

use crate::{Exchange, FRONT_ENDS, Telemetry, table};

/// The exchanges, and whether each adapter records the same of them as the first one.
pub async fn matrix() -> String {
    let mut text = header("exchange");
    for (name, exchange) in table() {
        let mut first = None;
        write!(text, "| {name} |").unwrap();
        for front_end in FRONT_ENDS {
            let observed = exchange.observe(front_end, &Telemetry::default()).await;
            let observed = (observed.spans, observed.metrics);
            let same = *first.get_or_insert_with(|| observed.clone()) == observed;
            write!(text, " {} |", if same { "same" } else { "differs" }).unwrap();
        }
        text.push('\n');
    }
    text
}

/// The attributes of server spans and metrics over all exchanges, and which adapter records them.
pub async fn attributes() -> String {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for front_end in FRONT_ENDS {
        for (_, exchange) in table() {
            let exchange = exchange.options(|options| {
                options
                    .capture_request_headers(["user-agent"])
                    .capture_response_headers(["content-type"])
                    .record_body_sizes(true)
                    .record_send_receive(true)
            });
            for key in keys(&exchange, front_end).await {
                found.entry(key).or_default().insert(front_end.name);
            }
        }
    }
    let mut text = header("attribute, or metric · attribute");
    for (key, by) in found {
        write!(text, "| `{key}` |").unwrap();
        for front_end in FRONT_ENDS {
            write!(text, " {} |", if by.contains(front_end.name) { "yes" } else { "no" }).unwrap();
        }
        text.push('\n');
    }
    text
}

async fn keys(exchange: &Exchange, front_end: &crate::FrontEnd) -> BTreeSet<String> {
    let telemetry = Telemetry::default();
    let observed = exchange.observe(front_end, &telemetry).await;
    let spans = telemetry.spans();
    let server = spans.iter().filter(|it| it.span_kind == SpanKind::Server);
    let attributes = server.flat_map(|it| &it.attributes).map(|it| it.key.to_string());
    let metrics = observed.metrics.lines().flat_map(|line| {
        let (name, rest) = line.split_once('{').unwrap_or((line, ""));
        let set = rest.rsplit_once('}').map_or("", |it| it.0);
        let names = set.split(", ").filter_map(|it| Some(it.split_once('=')?.0));
        names.map(move |attribute| format!("{name}` · `{attribute}"))
    });
    attributes.chain(metrics).collect()
}

fn header(first: &str) -> String {
    let names: Vec<_> = FRONT_ENDS.iter().map(|it| it.name).collect();
    let rule = names.iter().map(|_| "---").collect::<Vec<_>>().join(" | ");
    format!("| {first} | {} |\n| --- | {rule} |\n", names.join(" | "))
}
