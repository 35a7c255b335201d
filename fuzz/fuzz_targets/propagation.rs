//! Trace context and baggage: read as the SDK's propagators do, but for what W3C forbids, and passed on as they came.

#![no_main]

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logfire_rs_core::{
    ClientRequest, HttpClientInstrumenter, HttpClientOptions, HttpServerInstrumenter,
    HttpServerOptions, PerRequest, ServerRequest,
};
use logfire_rs_fuzz::{Lines, Telemetry, input};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    trace: u128,
    span: u64,
    /// Replaces, in a valid `traceparent`, the byte at its first by its second.
    damage: Vec<(u8, u8)>,
    tail: &'a str,
    headers: Lines,
    state: &'a str,
    baggage: &'a str,
}

static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(Telemetry::default);

static SERVER: LazyLock<HttpServerInstrumenter> = LazyLock::new(|| {
    let options = HttpServerOptions::default()
        .tracer_provider(TELEMETRY.tracers.clone())
        .metrics(false)
        .env_lookup(|_| None);
    HttpServerInstrumenter::new("fuzz", "0", "FUZZ", options)
});

static CLIENT: LazyLock<HttpClientInstrumenter> = LazyLock::new(|| {
    let options = HttpClientOptions::default()
        .tracer_provider(TELEMETRY.tracers.clone())
        .metrics(false)
        .env_lookup(|_| None);
    HttpClientInstrumenter::new("fuzz", "0", "FUZZ", options)
});

struct Carrier<'a>(BTreeMap<&'a str, String>);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().copied().collect()
    }
}

/// The context in which a request with these headers is served; that of its span.
fn served(headers: &Lines) -> Context {
    let request = ServerRequest {
        method: "GET",
        scheme: None,
        authority: None,
        path: "/",
        query: None,
        route: None,
        version: None,
        headers,
        peer: None,
    };
    SERVER.start(&request).context().clone()
}

fn passed_on(context: &Context) -> Lines {
    let request = ClientRequest {
        method: "GET",
        url: "https://a.b/",
        template: None,
        resend_count: 0,
        headers: &Lines::default(),
    };
    let span = CLIENT.start(context, &request, &PerRequest::default()).expect("not excluded");
    let mut written = HashMap::new();
    span.inject(&mut written);
    let mut lines = Lines::default();
    for (name, value) in written {
        let legal = |it: u8| it == b'\t' || it >= b' ' && it != 0x7f;
        assert!(value.bytes().all(legal), "{name} would end its line: {value:?}");
        assert!(!value.is_empty(), "{name} is empty");
        lines.add(&name, value);
    }
    lines
}

fn baggage(context: &Context) -> BTreeMap<String, (String, String)> {
    let items = context.baggage().into_iter();
    items
        .map(|(key, (value, more))| {
            (key.to_string(), (value.to_string(), more.as_str().to_owned()))
        })
        .collect()
}

fn lines<'a>(headers: &'a Lines, name: &str) -> Vec<&'a [u8]> {
    headers.0.iter().filter(|it| it.0 == name).map(|it| &*it.1).collect()
}

/// What W3C asks of the header, and no more.
fn is_well_formed(header: &str) -> bool {
    let header = header.trim_matches(|it: char| it.is_ascii_whitespace());
    let Some((known, rest)) = header.split_at_checked(55) else { return false };
    let shape = "00-00000000000000000000000000000000-0000000000000000-00";
    let fits = known.bytes().zip(shape.bytes()).all(|(it, shape)| match shape {
        b'-' => it == b'-',
        _ => it.is_ascii_digit() || (b'a'..=b'f').contains(&it),
    });
    fits && (rest.is_empty() || rest.starts_with('-') && !known.starts_with("00"))
}

fuzz_target!(|data: &[u8]| {
    let Some(input) = input::<Input<'_>>(data) else { return };
    let mut parent = format!("00-{:032x}-{:016x}-01", input.trace, input.span).into_bytes();
    for (at, byte) in input.damage {
        let length = parent.len();
        if byte >= b' ' && byte < 0x7f {
            parent[usize::from(at) % length] = byte;
        }
    }
    let legal = |text: &str| text.replace(|it: char| it.is_control(), "");
    parent.extend(legal(input.tail).bytes());
    let mut headers = input.headers;
    headers.add("traceparent", parent);
    headers.add("tracestate", legal(input.state));
    headers.add("baggage", legal(input.baggage));

    let context = served(&headers);
    let spans = TELEMETRY.take_spans();
    let read = spans.first().map(|it| (it.parent_span_id, it.span_context.clone()));

    // The SDK as an oracle, for a header that it can see.
    let joined = |name: &str| {
        let texts = lines(&headers, name).into_iter().filter_map(|it| std::str::from_utf8(it).ok());
        texts.filter(|it| !it.is_empty()).collect::<Vec<_>>().join(",")
    };
    if let [only] = *lines(&headers, "traceparent")
        && let Ok(header) = std::str::from_utf8(only)
    {
        let carrier = Carrier(BTreeMap::from([
            ("traceparent", header.to_owned()),
            ("tracestate", joined("tracestate")),
        ]));
        let told = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        let told: SpanContext = told.span().span_context().clone();
        let expected = told.is_valid() && is_well_formed(header);
        match (&read, expected) {
            // A caller that does not sample: the span is there, but nobody keeps it.
            (None, true) => {
                assert!(!told.is_sampled());
                let own = context.span().span_context().clone();
                assert_eq!(own.trace_id(), told.trace_id());
            }
            (Some((parent, own)), true) => {
                assert!(told.is_sampled(), "{header}");
                assert_eq!((*parent, own.trace_id()), (told.span_id(), told.trace_id()));
                assert_eq!(own.trace_state(), told.trace_state());
            }
            (Some((parent, _)), false) => {
                assert_eq!(*parent, opentelemetry::trace::SpanId::INVALID, "{header}");
            }
            (None, false) => panic!("a trace of its own is sampled: {header}"),
        }
    }

    // What goes on to the next service is what came in.
    let written = passed_on(&context);
    let parent = String::from_utf8(lines(&written, "traceparent")[0].to_vec()).expect("text");
    assert!(is_well_formed(&parent), "{parent}");
    let came = baggage(&context);
    assert!(came.len() <= 64);
    let again = served(&written);
    assert_eq!(baggage(&again), came);
    assert_eq!(
        again.span().span_context().trace_state(),
        context.span().span_context().trace_state()
    );
    TELEMETRY.take_spans();
});
