//! What the console writes for spans of a real tracer.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use logfire_rs_sdk::{
    Colors, ConsoleOptions, Level, Logfire, SpanStyle,
    opentelemetry::{
        Context, KeyValue,
        trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
    },
};

use crate::{Text, Variables, local};

fn with_console(variables: Variables, options: ConsoleOptions) -> (Logfire, Text) {
    let text = Text::default();
    let (configuration, _) = local(variables);
    let logfire = configuration.console(options.writer(text.clone())).finish().unwrap();
    (logfire, text)
}

/// The text with every duration as `…`.
fn without_durations(text: &str) -> String {
    let shorten = |line: &str| match line.split_once("in ").or_else(|| line.split_once("└ ")) {
        Some((head, tail)) if line.contains("└ ") && tail.contains(" ms") => {
            let rest = tail.split_once(" ms").unwrap().1;
            let joint = if line.contains("in ") { "in " } else { "└ " };
            format!("{head}{joint}…{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(shorten).collect()
}

#[test]
fn a_request_is_shown_when_it_starts_and_when_it_ends() {
    let (logfire, text) = with_console(&[], ConsoleOptions::default().timestamps(false));
    let tracer = logfire.tracer_provider().tracer("test");
    let server = tracer
        .span_builder("GET /hello/{name}")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", "/hello/{name}"),
            KeyValue::new("url.path", "/hello/bob"),
            KeyValue::new("url.query", "q=3"),
        ])
        .start(&tracer);
    let request = Context::new().with_span(server);
    logfire.force_flush().unwrap();
    assert_eq!(text.get(), "GET /hello/bob ? q='3'\n");

    tracer.start_with_context("look up", &request);
    request.span().set_attribute(KeyValue::new("http.response.status_code", 500));
    request.span().set_status(Status::error(""));
    request.span().end();
    logfire.force_flush().unwrap();
    let expected = "\
GET /hello/bob ? q='3'
  look up
  └ …
└ 500 in …
";
    assert_eq!(without_durations(&text.get()), expected);
}

#[test]
fn time_and_colors_can_be_chosen() {
    let shown = |variables, options| {
        let (logfire, text) = with_console(variables, options);
        logfire.tracer_provider().tracer("test").start("work");
        logfire.shutdown().unwrap();
        text.get()
    };
    let text = shown(&[], ConsoleOptions::default());
    let (time, rest) = text.split_at("14:03:22.101".len());
    assert!(time.chars().all(|c| c.is_ascii_digit() || ":.".contains(c)), "{text}");
    assert!(rest.starts_with(" work\n"), "{text}");

    let colored = ConsoleOptions::default().timestamps(false).colors(Colors::Always);
    assert!(shown(&[], colored).contains("\u{1b}["));
    let variables = &[("LOGFIRE_CONSOLE_COLORS", "always")];
    assert!(shown(variables, ConsoleOptions::default()).contains("\u{1b}["));
    assert!(!shown(variables, ConsoleOptions::default().colors(Colors::Never)).contains('\u{1b}'));
    let variables = &[("LOGFIRE_CONSOLE_INCLUDE_TIMESTAMP", "false")];
    assert!(shown(variables, ConsoleOptions::default()).starts_with("work\n"));
    // The environment turns it off, unless the program turns it on.
    let variables = &[("LOGFIRE_CONSOLE", "false")];
    assert_eq!(shown(variables, ConsoleOptions::default()), "");
    assert!(shown(variables, ConsoleOptions::from(true)).ends_with(" ms\n"));
}

#[test]
fn style_level_and_details_can_be_chosen() {
    let shown = |variables, options| {
        let (logfire, text) = with_console(variables, options);
        let tracer = logfire.tracer_provider().tracer("test");
        tracer.in_span("outer", |cx| {
            cx.span().set_attribute(KeyValue::new("late", 1));
            let inner = tracer.span_builder("inner");
            let attributes = [KeyValue::new("logfire.level_num", 5), KeyValue::new("k", "v")];
            drop(inner.with_attributes(attributes).start(&tracer));
        });
        logfire.shutdown().unwrap();
        without_durations(&text.get())
    };
    let plain = || ConsoleOptions::default().timestamps(false);
    assert_eq!(shown(&[], plain()), "outer\n  inner\n  └ …\n└ …\n");

    let flat = "outer\ninner\n└ …  inner\n└ …  outer\n";
    assert_eq!(shown(&[], plain().span_style(SpanStyle::Simple)), flat);
    let variables = &[("LOGFIRE_CONSOLE_SPAN_STYLE", "simple")];
    assert_eq!(shown(variables, plain()), flat);
    assert_ne!(shown(variables, plain().span_style(SpanStyle::Indented)), flat);

    assert_eq!(shown(&[], plain().min_level(Level::Info)), "outer\n└ …\n");
    let variables = &[("LOGFIRE_CONSOLE_MIN_LOG_LEVEL", "info")];
    assert_eq!(shown(variables, plain()), "outer\n└ …\n");
    assert_eq!(shown(&[], plain().min_level(Level::Warn)), "");

    let verbose = "outer\n  inner\n  │ k=v\n  └ …\n└ …\n│ late=1\n";
    assert_eq!(shown(&[], plain().verbose(true)), verbose);
    assert_eq!(shown(&[("LOGFIRE_CONSOLE_VERBOSE", "true")], plain()), verbose);
}

#[test]
fn what_is_not_sampled_is_not_shown() {
    let variables = &[("OTEL_TRACES_SAMPLER", "always_off")];
    let (logfire, text) = with_console(variables, ConsoleOptions::default());
    logfire.tracer_provider().tracer("test").start("work");
    logfire.shutdown().unwrap();
    assert_eq!(text.get(), "");
}

/// What is written at once.
#[derive(Clone, Debug, Default)]
struct Writes(Arc<Mutex<Vec<String>>>);

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_else_writes_does_not_come_between_the_parts_of_a_line() {
    for colors in [Colors::Never, Colors::Always] {
        let writes = Writes::default();
        let options = ConsoleOptions::default().writer(writes.clone()).colors(colors);
        let logfire = local(&[]).0.console(options).finish().unwrap();
        logfire.tracer_provider().tracer("test").in_span("work", |_| ());
        logfire.shutdown().unwrap();
        let writes = writes.0.lock().unwrap();
        assert_eq!(writes.len(), 2, "{writes:?}");
        assert!(writes.iter().all(|text| text.ends_with('\n')), "{writes:?}");
    }
}

/// A terminal that nobody reads: it takes nothing until it is told to.
#[derive(Clone, Debug, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>, Text);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (open, changed) = &*self.0;
        let _open = changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_terminal_never_blocks_the_program() {
    let stuck = Stuck::default();
    let options = ConsoleOptions::default().timestamps(false).writer(stuck.clone());
    let logfire = local(&[]).0.console(options).finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    for _ in 0..10_000 {
        tracer.start("work");
    }
    let error = logfire.force_flush_with_timeout(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.to_string(), "the console did not take all lines");

    *stuck.0.0.lock().unwrap() = true;
    stuck.0.1.notify_all();
    logfire.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
    let text = stuck.1.get();
    assert!(text.lines().count() < 10_000);
    assert!(text.contains(" lines left out\n"));
}

/// Panics at the first line.
struct Moody(Text, bool);

impl Write for Moody {
    #[expect(clippy::panic, reason = "it is what is tested")]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.1, true) {
            panic!("on purpose");
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_panics_misses_a_line() {
    let text = Text::default();
    let options = ConsoleOptions::default().timestamps(false).writer(Moody(text.clone(), false));
    let logfire = local(&[]).0.console(options).finish().unwrap();
    logfire.tracer_provider().tracer("test").in_span("work", |_| ());
    logfire.shutdown().unwrap();
    assert!(text.get().starts_with("└ "), "{}", text.get());
}
