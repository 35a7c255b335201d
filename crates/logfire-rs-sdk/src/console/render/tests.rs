//! What lines come of which spans and logs.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use jiff::tz::TimeZone;
use opentelemetry::{
    Array, KeyValue, Value,
    trace::{Event, SpanContext, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::*;

/// A span that starts `start` and ends `end` milliseconds after 14:03:22.
fn span(id: u64, parent: u64, (start, end): (u64, u64), name: &'static str) -> SpanData {
    let context = SpanContext::new(
        TraceId::from(1),
        SpanId::from(id),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let base = SystemTime::UNIX_EPOCH + Duration::from_secs(14 * 3600 + 3 * 60 + 22);
    SpanData {
        span_context: context,
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: Cow::Borrowed(name),
        start_time: base + Duration::from_millis(start),
        end_time: base + Duration::from_millis(end),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: Default::default(),
    }
}

fn http(kind: &SpanKind, mut span: SpanData, url: &'static str, code: i64) -> SpanData {
    span.span_kind = kind.clone();
    span.attributes.push(KeyValue::new("http.request.method", "GET"));
    let key = if *kind == SpanKind::Client { "url.full" } else { "url.path" };
    span.attributes.push(KeyValue::new(key, url));
    if code > 0 {
        span.attributes.push(KeyValue::new("http.response.status_code", code));
    }
    span
}

fn failed(mut span: SpanData, description: &'static str) -> SpanData {
    span.status = Status::error(description);
    span
}

enum Step<'a> {
    Start(&'a SpanData),
    End(&'a SpanData),
}
use Step::{End, Start};

fn layout(time_zone: Option<TimeZone>) -> Layout {
    Layout {
        time_zone,
        style: SpanStyle::ShowParents,
        min_level: Level::Trace,
        verbose: false,
        tags: true,
    }
}

fn render(time_zone: Option<TimeZone>, steps: &[Step<'_>]) -> String {
    render_as(layout(time_zone), steps)
}

fn render_as(layout: Layout, steps: &[Step<'_>]) -> String {
    let mut renderer = Renderer::new(layout);
    let colored: String = steps
        .iter()
        .map(|step| match step {
            Start(span) => renderer.start(span),
            End(span) => renderer.end(span),
        })
        .collect();
    anstream::adapter::strip_str(&colored).to_string()
}

#[test]
fn a_request_and_its_call_in_one_process() {
    let outer = http(&SpanKind::Server, span(1, 0, (0, 12), "GET"), "/hello/bob", 200);
    let call =
        http(&SpanKind::Client, span(2, 1, (1, 4), "GET"), "http://127.0.0.1:8001/name", 200);
    let mut inner = http(&SpanKind::Server, span(3, 2, (2, 3), "GET"), "/name", 200);
    inner.parent_span_is_remote = true;
    let steps = [Start(&outer), Start(&call), Start(&inner), End(&inner), End(&call), End(&outer)];
    let expected = "\
14:03:22.000 GET /hello/bob
14:03:22.001   GET 127.0.0.1/name
14:03:22.002     GET /name
14:03:22.003     └ 200 in 1.0 ms
14:03:22.004   └ 200 in 3.0 ms
14:03:22.012 └ 200 in 12 ms
";
    assert_eq!(render(Some(TimeZone::UTC), &steps), expected);
}

#[test]
fn the_answering_service_may_end_after_the_call() {
    let call = http(&SpanKind::Client, span(1, 0, (0, 2), "GET"), "http://h/stream", 200);
    let answer = http(&SpanKind::Server, span(2, 1, (1, 3), "GET"), "/stream", 200);
    let work = span(3, 2, (1, 3), "chunk");
    let steps = [Start(&call), Start(&answer), End(&call), Start(&work), End(&work), End(&answer)];
    let expected = "\
GET h/stream
  GET /stream
└ 200 in 2.0 ms
  GET /stream
    chunk
    └ 2.0 ms
  └ 200 in 2.0 ms
";
    assert_eq!(render(None, &steps), expected);
}

#[test]
fn interleaved_requests_repeat_whom_they_belong_to() {
    let a = http(&SpanKind::Server, span(1, 0, (0, 5), "GET"), "/a", 200);
    let b = http(&SpanKind::Server, span(2, 0, (1, 4), "GET"), "/b", 404);
    let in_a = span(3, 1, (2, 3), "work of a");
    let steps = [Start(&a), Start(&b), Start(&in_a), End(&b), End(&in_a), End(&a)];
    let expected = "\
14:03:22.000 GET /a
14:03:22.001 GET /b
             GET /a
14:03:22.002   work of a
14:03:22.004 └ 404 in 3.0 ms  GET /b
14:03:22.003   └ 1.0 ms  work of a
14:03:22.005 └ 200 in 5.0 ms  GET /a
";
    assert_eq!(render(Some(TimeZone::UTC), &steps), expected);
}

#[test]
fn logs_are_shown_below_their_span() {
    let request = http(&SpanKind::Server, span(1, 0, (0, 5), "GET"), "/a", 200);
    let log = |parent: u64, severity, message: &str| Log {
        time: Some(request.start_time),
        parent: Some((TraceId::from(1), SpanId::from(parent))),
        severity: Some(severity),
        body: message.to_owned(),
        attributes: Vec::new(),
    };
    let mut renderer = Renderer::new(layout(None));
    let mut text = renderer.start(&request);
    text.push_str(&renderer.log(&log(1, Severity::Info, "inside\n")));
    text.push_str(&renderer.log(&log(7, Severity::Warn, "elsewhere")));
    text.push_str(&renderer.log(&log(1, Severity::Error2, "inside again")));
    assert!(text.contains("\u{1b}[33melsewhere"), "{text:?}");
    assert!(text.contains("\u{1b}[31minside again"), "{text:?}");
    let expected = "\
GET /a
  inside\\n
elsewhere
GET /a
  inside again
";
    assert_eq!(anstream::adapter::strip_str(&text).to_string(), expected);
}

#[test]
fn endings_say_what_went_wrong() {
    let ending =
        |span: &SpanData| render(None, &[Start(span), End(span)]).replacen("GET /\n", "", 1);
    let server = |code| http(&SpanKind::Server, span(1, 0, (0, 0), "GET"), "/", code);
    let with_type = |mut span: SpanData, error_type: &'static str| {
        span.attributes.push(KeyValue::new("error.type", error_type));
        span
    };

    assert_eq!(ending(&server(404)), "└ 404 in 0.00 ms\n");
    assert_eq!(ending(&failed(with_type(server(500), "500"), "")), "└ 500 in 0.00 ms\n");
    assert_eq!(ending(&failed(with_type(server(0), "cancelled"), "")), "└ cancelled in 0.00 ms\n");
    assert_eq!(
        ending(&failed(with_type(server(200), "response_body_error"), "disk gone")),
        "└ 200 response_body_error in 0.00 ms: disk gone\n"
    );

    let mut panicked = failed(with_type(server(500), "panic"), "");
    let attributes = [("exception.type", "panic"), ("exception.message", "two\nlines")];
    let attributes = attributes.map(|(key, value)| KeyValue::new(key, value)).to_vec();
    let event = Event::new("exception", panicked.start_time, attributes, 0);
    panicked.events.events.push(event);
    assert_eq!(ending(&panicked), "└ 500 panic in 0.00 ms: two\\nlines\n");
    panicked.attributes.retain(|it| it.key.as_str() != "error.type");
    assert_eq!(ending(&panicked), "└ 500 in 0.00 ms: panic: two\\nlines\n");

    let plain = failed(span(1, 0, (0, 0), "work"), "no luck");
    assert_eq!(render(None, &[Start(&plain), End(&plain)]), "work\n└ error in 0.00 ms: no luck\n");
}

/// Two requests at once, with a call in the first.
fn interleaved(layout: Layout) -> String {
    let a = |code| http(&SpanKind::Server, span(1, 0, (0, 5), "GET"), "/a", code);
    let b = |code| http(&SpanKind::Server, span(2, 0, (1, 4), "GET"), "/b", code);
    let in_a = span(3, 1, (2, 3), "work of a");
    let (begun, ended) = ([a(0), b(0)], [a(200), b(500)]);
    let [start_a, start_b] = begun.each_ref().map(Start);
    let [end_a, end_b] = ended.each_ref().map(End);
    render_as(layout, &[start_a, start_b, Start(&in_a), end_b, End(&in_a), end_a])
}

#[test]
fn spans_can_be_indented_only_and_flat() {
    let indented = "\
GET /a
GET /b
  work of a
└ 500 in 3.0 ms  GET /b
  └ 1.0 ms  work of a
└ 200 in 5.0 ms  GET /a
";
    let style = SpanStyle::Indented;
    assert_eq!(interleaved(Layout { style, ..layout(None) }), indented);
    let style = SpanStyle::Simple;
    let flat = "\
GET /a
GET /b
work of a
└ 500 in 3.0 ms  GET /b
└ 1.0 ms  work of a
└ 200 in 5.0 ms  GET /a
";
    assert_eq!(interleaved(Layout { style, ..layout(None) }), flat);
}

#[test]
fn what_matters_less_is_hidden_and_what_fails_is_shown_at_its_end() {
    let min_level = Level::Warn;
    assert_eq!(interleaved(Layout { min_level, ..layout(None) }), "└ 500 in 3.0 ms  GET /b\n");

    let mut debug = span(1, 0, (0, 5), "debug");
    debug.attributes.push(KeyValue::new("logfire.level_num", 5));
    let inner = span(2, 1, (1, 2), "inner");
    let steps = [Start(&debug), Start(&inner), End(&inner), End(&debug)];
    let min_level = Level::Info;
    // It still indents.
    assert_eq!(render_as(Layout { min_level, ..layout(None) }, &steps), "  inner\n  └ 1.0 ms\n");
    let log = |severity| Log {
        time: None,
        parent: None,
        severity: Some(severity),
        body: "said".to_owned(),
        attributes: vec![("k".to_owned(), "v".to_owned())],
    };
    let mut renderer = Renderer::new(Layout { min_level, ..layout(None) });
    assert_eq!(renderer.log(&log(Severity::Debug)), "");
    assert!(renderer.log(&log(Severity::Info)).contains("said k=v"));
}

#[test]
fn verbose_shows_attributes_where_they_are_new() {
    let begun = http(&SpanKind::Server, span(1, 0, (0, 5), "GET"), "/a", 0);
    let mut ended = http(&SpanKind::Server, span(1, 0, (0, 5), "GET"), "/a", 200);
    ended.attributes.push(KeyValue::new("user", "ada\u{1b}[2J"));
    ended.attributes.push(KeyValue::new("logfire.msg", "hidden"));
    let layout = Layout { verbose: true, ..layout(Some(TimeZone::UTC)) };
    let expected = "\
14:03:22.000 GET /a
             │ http.request.method=GET
             │ url.path=/a
14:03:22.005 └ 200 in 5.0 ms
             │ http.response.status_code=200
             │ user=ada\\u{1b}[2J
";
    assert_eq!(render_as(layout, &[Start(&begun), End(&ended)]), expected);
}

#[test]
fn tags_stand_behind_the_message() {
    let mut tagged = span(1, 0, (0, 1), "work");
    let tags = Value::Array(Array::String(vec!["a".into(), "b".into()]));
    tagged.attributes.push(KeyValue::new("logfire.tags", tags));
    assert_eq!(render(None, &[Start(&tagged)]), "work [a,b]\n");
    let layout = Layout { tags: false, ..layout(None) };
    assert_eq!(render_as(layout, &[Start(&tagged)]), "work\n");
}

#[test]
fn errors_are_red_and_warnings_yellow() {
    let colored = |kind: SpanKind, code| {
        let span = http(&kind, span(1, 0, (0, 0), "GET"), "/", code);
        let mut renderer = Renderer::new(layout(None));
        renderer.start(&span);
        renderer.end(&span)
    };
    assert!(colored(SpanKind::Server, 200).contains("\u{1b}[32m200\u{1b}[0m"));
    assert!(colored(SpanKind::Server, 404).contains("\u{1b}[33m404\u{1b}[0m"));
    assert!(colored(SpanKind::Server, 500).contains("\u{1b}[31m500\u{1b}[0m"));
    assert!(colored(SpanKind::Client, 404).contains("\u{1b}[31m404\u{1b}[0m"));
}

#[test]
fn a_client_does_not_choose_how_long_a_line_is() {
    let long: &'static str = format!("/{}", "é".repeat(60_000)).leak();
    let of = |id, code| http(&SpanKind::Server, span(id, 0, (0, 0), "GET"), long, code);
    let other = span(2, 0, (0, 0), "other");
    let shown = render(None, &[Start(&of(1, 0)), Start(&other), End(&of(1, 200))]);
    let cut = format!("GET /{}…", "é".repeat(295));
    assert_eq!(shown, format!("{cut}\nother\n└ 200 in 0.00 ms  {cut}\n"));

    let log = Log {
        time: None,
        parent: None,
        severity: None,
        body: String::new(),
        attributes: vec![("path".to_owned(), long.to_owned())],
    };
    assert!(log.message().len() < 1000);
}

#[test]
fn nobody_draws_on_the_terminal() {
    let evil = span(1, 0, (0, 0), "a\u{1b}[2Jb\r\nc\u{9b}d");
    assert_eq!(render(None, &[Start(&evil)]), "a\\u{1b}[2Jb\\r\\nc\\u{9b}d\n");
}

#[test]
fn what_was_left_out_is_told_and_forgotten() {
    let a = span(1, 0, (0, 1), "a");
    let mut renderer = Renderer::new(layout(None));
    renderer.start(&a);
    let told = renderer.left_out(2);
    assert_eq!(anstream::adapter::strip_str(&told).to_string(), "… 2 lines left out\n");
    assert_eq!(renderer.left_out(0), "");
    let end = renderer.end(&a);
    assert_eq!(anstream::adapter::strip_str(&end).to_string(), "└ 1.0 ms  a\n");
}

#[test]
fn the_open_spans_are_bounded() {
    let mut renderer = Renderer::new(layout(None));
    for id in 1..=MAX_OPEN as u64 + 10 {
        renderer.start(&span(id, 0, (0, 0), "x"));
    }
    assert_eq!(renderer.open.len(), MAX_OPEN);
}
