//! Scrubbing: what is named as a secret does not leave, wherever it is, and a second pass changes no attribute.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logfire_rs_fuzz::{SECRET, assert_no_secret, input};
use logfire_rs_sdk::{Scrubbed, Scrubbing};
use opentelemetry::trace::{Span as _, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData, SpanExporter as _,
};
use serde_json::json;

const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "mysql_pwd",
    "secret",
    "auth",
    "credential",
    "private_key",
    "api-key",
    "session",
    "cookie",
    "credit card",
    "logfire_token",
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    name: u8,
    before: &'a str,
    after: &'a str,
    keys: [&'a str; 2],
    kind: u8,
    others: Vec<(&'a str, &'a str)>,
}

static KEPT: LazyLock<InMemorySpanExporter> = LazyLock::new(InMemorySpanExporter::default);
static TRACER: LazyLock<SdkTracer> = LazyLock::new(|| {
    let provider = SdkTracerProvider::builder().with_simple_exporter(scrubbing()).build();
    provider.tracer("fuzz")
});
static AGAIN: LazyLock<Scrubbed<InMemorySpanExporter>> = LazyLock::new(scrubbing);

fn scrubbing() -> Scrubbed<InMemorySpanExporter> {
    Scrubbing::default().scrubber().expect("valid").wrap(KEPT.clone())
}

fn taken() -> SpanData {
    let spans = KEPT.get_finished_spans().expect("the exporter keeps them");
    KEPT.reset();
    spans.into_iter().next().expect("one span")
}

fuzz_target!(|data: &[u8]| {
    let Some(input) = input::<Input<'_>>(data) else { return };
    let name = NAMES[usize::from(input.name) % NAMES.len()];
    let Input { before, after, keys: [one, two], .. } = input;
    // JSON is scrubbed by the names in it, and these are the fuzzer's.
    let looks_like_json = before.trim_start().starts_with(['{', '[', '"']);
    // An `auth` before `or` is an author; a word that goes on is another word.
    let attribute = match input.kind % 6 {
        0 => KeyValue::new(format!("x.{name}.{one}"), SECRET),
        1 => KeyValue::new(
            format!("x.{name}"),
            Value::Array(Array::String(vec![before.to_owned().into(), SECRET.into()])),
        ),
        2 => KeyValue::new(
            "body",
            json!({ "x": [{ name: { one: [SECRET, two] } }, two] }).to_string(),
        ),
        3 => {
            let before = before.replace('#', "");
            KeyValue::new("url.query", format!("{before}&{name}={SECRET}&{after}"))
        }
        4 => {
            let before = before.replace(['/', '?', '#'], "");
            let path = one.replace(['?', '#'], "");
            let url = format!("https://{before}:{SECRET}@{two}/{path}?{name}={SECRET}");
            KeyValue::new("url.full", url)
        }
        _ if looks_like_json => return,
        _ => KeyValue::new("logfire.msg", format!("{before} {name}={SECRET} {after}")),
    };
    let mut span = TRACER.start("fuzz");
    span.set_attribute(attribute);
    if !looks_like_json {
        span.set_status(Status::error(format!("{before} {name}: {SECRET}")));
    }
    span.set_attributes(
        input
            .others
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned())),
    );
    span.end();

    let first = taken();
    assert_no_secret(&(&first.attributes, &first.status));
    futures_executor::block_on(AGAIN.export(vec![first.clone()])).expect("it only keeps");
    let again = taken();
    assert_no_secret(&(&again.attributes, &again.status));
    // Of a text no more than that can be said: what is in the place of a name may be a value, too.
    let shown = |span: &SpanData| {
        let lasting =
            |it: &&KeyValue| !["logfire.scrubbed", "logfire.msg"].contains(&it.key.as_str());
        span.attributes.iter().filter(lasting).cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown(&first), shown(&again));
});
