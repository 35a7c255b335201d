//! Which traces, spans and logs leave.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use logfire_rs_sdk::{
    ConsoleOptions, Level, Logfire, Sampling,
    opentelemetry::{
        Context, KeyValue, TraceFlags,
        baggage::BaggageExt,
        logs::{LogRecord, Logger, LoggerProvider, Severity},
        trace::{Span, SpanContext, SpanKind, TraceContextExt, TraceState, Tracer, TracerProvider},
    },
    opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SdkTracer, SimpleSpanProcessor, SpanData, SpanExporter},
    },
};

use crate::{Text, Variables, local};

/// The spans that a processor of the user got.
#[derive(Clone, Debug, Default)]
struct Left(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Left {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut batch);
        Ok(())
    }
}

impl Left {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|span| span.name.to_string()).collect()
    }
}

struct Running {
    logfire: Logfire,
    tracer: SdkTracer,
    left: Left,
    warnings: Text,
}

fn with(variables: Variables, sampling: impl Into<Sampling>) -> Running {
    let (configuration, warnings) = local(variables);
    let left = Left::default();
    let logfire = configuration
        .sampling(sampling)
        .add_span_processor(SimpleSpanProcessor::new(left.clone()))
        .finish()
        .unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    Running { logfire, tracer, left, warnings }
}

impl Running {
    fn root(&self, name: &'static str) -> Context {
        Context::new().with_span(self.tracer.start_with_context(name, &Context::new()))
    }

    fn child(&self, name: &'static str, parent: &Context, attributes: &[KeyValue]) {
        let builder = self.tracer.span_builder(name).with_attributes(attributes.to_vec());
        builder.start_with_context(&self.tracer, parent).end();
    }
}

fn level(number: i64) -> [KeyValue; 1] {
    [KeyValue::new("logfire.level_num", number)]
}

#[test]
fn the_head_rate_keeps_all_some_or_none() {
    for (rate, kept) in [(0.0, 0..=0), (1.0, 200..=200), (0.5, 50..=150)] {
        let running = with(&[], rate);
        for _ in 0..200 {
            running.root("x").span().end();
        }
        let count = running.left.names().len();
        assert!(kept.contains(&count), "{rate}: {count}");
    }
    let running = with(&[("LOGFIRE_TRACE_SAMPLE_RATE", "0")], Sampling::default());
    running.root("x").span().end();
    assert_eq!(running.left.names(), [""; 0]);
}

#[test]
fn a_trace_with_a_loud_span_is_kept_whole() {
    let running = with(&[], Sampling::level_or_duration());
    let quiet = running.root("quiet");
    running.child("quiet child", &quiet, &level(9));
    let loud = running.root("loud");
    running.child("before", &loud, &[]);
    assert_eq!(running.left.names(), [""; 0]);
    running.child("notice", &loud, &level(10));
    assert_eq!(running.left.names(), ["before", "notice"]);
    running.child("after", &loud, &[]);
    quiet.span().end();
    loud.span().end();
    assert_eq!(running.left.names(), ["before", "notice", "after", "loud"]);
}

#[test]
fn levels_come_from_answers_too() {
    let running = with(&[], Sampling::level_or_duration().level_threshold(Level::Warn));
    for code in [200, 404] {
        let mut request = running
            .tracer
            .span_builder(format!("answered {code}"))
            .with_kind(SpanKind::Server)
            .start_with_context(&running.tracer, &Context::new());
        request.set_attribute(KeyValue::new("http.response.status_code", code));
        request.end();
    }
    assert_eq!(running.left.names(), ["answered 404"]);
}

#[test]
fn a_long_trace_is_kept() {
    let sampling = Sampling::level_or_duration().duration_threshold(Duration::from_secs(3));
    let running = with(&[], sampling);
    let began = SystemTime::UNIX_EPOCH;
    for seconds in [3, 4] {
        let mut span = running
            .tracer
            .span_builder(format!("{seconds} s"))
            .with_start_time(began)
            .start_with_context(&running.tracer, &Context::new());
        span.end_with_timestamp(began + Duration::from_secs(seconds));
    }
    assert_eq!(running.left.names(), ["4 s"]);
}

#[test]
fn the_background_rate_keeps_some_of_the_rest() {
    let running = with(&[], Sampling::level_or_duration().background_rate(0.5));
    for _ in 0..200 {
        running.root("x").span().end();
    }
    let count = running.left.names().len();
    assert!((50..=150).contains(&count), "{count}");
}

#[test]
fn traces_of_callers_are_kept() {
    let running = with(&[], Sampling::level_or_duration());
    let caller = SpanContext::new(7.into(), 7.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    running.child("request", &Context::new().with_remote_span_context(caller), &[]);
    assert_eq!(running.left.names(), ["request"]);
}

#[test]
fn what_comes_after_a_dropped_trace_is_judged_by_itself() {
    let running = with(&[], Sampling::level_or_duration());
    let dropped = running.root("root");
    dropped.span().end();
    running.child("late", &dropped, &[]);
    running.child("late error", &dropped, &level(17));
    assert_eq!(running.left.names(), ["late error"]);
}

#[test]
fn an_error_that_is_logged_keeps_its_trace() {
    let running = with(&[], Sampling::level_or_duration());
    let logger = running.logfire.logger_provider().logger("test");
    for (name, severity) in [("quiet", Severity::Info), ("loud", Severity::Error)] {
        let root = running.root(name);
        let context = root.span().span_context().clone();
        let mut record = logger.create_log_record();
        record.set_severity_number(severity);
        let flags = Some(context.trace_flags());
        record.set_trace_context(context.trace_id(), context.span_id(), flags);
        logger.emit(record);
        running.child("child", &root, &[]);
        root.span().end();
    }
    assert_eq!(running.left.names(), ["child", "loud"]);
}

#[test]
fn the_callback_sees_spans_and_may_make_some_and_panic() {
    let running = with(
        &[],
        Sampling::default().tail(|trace| match trace.span().map(|span| span.name.as_ref()) {
            Some("ended") if trace.has_ended() => 1.0,
            Some("broken") => panic!("not today"),
            _ => 0.0,
        }),
    );
    for name in ["other", "ended", "broken", "broken"] {
        running.root(name).span().end();
    }
    assert_eq!(running.left.names(), ["ended", "broken", "broken"]);
    let warning = "the tail sampling callback panicked: the trace is kept\n";
    assert_eq!(running.warnings.get(), warning);

    // One that makes spans itself does not wait for itself.
    let own: Arc<Mutex<Option<SdkTracer>>> = Arc::default();
    let tracer = Arc::clone(&own);
    let running = with(
        &[],
        Sampling::default().tail(move |trace| {
            let is_first = trace.span().is_some_and(|span| span.name == "first");
            if is_first && let Some(tracer) = &*tracer.lock().unwrap() {
                tracer.start_with_context("made by the callback", &Context::new()).end();
            }
            f64::from(u8::from(is_first))
        }),
    );
    *own.lock().unwrap() = Some(running.tracer.clone());
    running.root("first").span().end();
    assert_eq!(running.left.names(), ["first"]);
    *own.lock().unwrap() = None;
}

/// What leaves of a trace that another thread keeps while the callback is asked about `asked`, which it does not want.
fn kept_meanwhile(asked: &'static str, has_ended: bool) -> Vec<String> {
    let other: Arc<Mutex<Option<(SdkTracer, Context)>>> = Arc::default();
    let tracer = Arc::clone(&other);
    let running = with(
        &[],
        Sampling::default().tail(move |trace| {
            let is = |name| trace.span().is_some_and(|span| span.name == name);
            if is(asked)
                && trace.has_ended() == has_ended
                && let Some((tracer, parent)) = tracer.lock().unwrap().take()
            {
                let loud = move || tracer.start_with_context("loud", &parent).end();
                std::thread::spawn(loud).join().unwrap();
            }
            f64::from(u8::from(is("loud")))
        }),
    );
    let root = running.root("root");
    *other.lock().unwrap() = Some((running.tracer.clone(), root.clone()));
    running.child("child", &root, &[]);
    root.span().end();
    running.child("late", &root, &[]);
    running.left.names()
}

#[test]
fn a_span_that_is_asked_about_while_its_trace_is_kept_is_not_lost() {
    assert_eq!(kept_meanwhile("child", false), ["loud", "child", "root", "late"]);
    assert_eq!(kept_meanwhile("child", true), ["loud", "child", "root", "late"]);
    // Nor is the trace taken for a dropped one.
    assert_eq!(kept_meanwhile("root", true), ["child", "loud", "root", "late"]);
}

#[test]
fn a_start_that_is_asked_about_while_its_trace_is_kept_is_shown() {
    let text = Text::default();
    let other: Arc<Mutex<Option<(SdkTracer, Context)>>> = Arc::default();
    let tracer = Arc::clone(&other);
    let sampling = Sampling::default().tail(move |trace| {
        let is = |name| trace.span().is_some_and(|span| span.name == name);
        if is("child")
            && let Some((tracer, parent)) = tracer.lock().unwrap().take()
        {
            let loud = move || tracer.start_with_context("loud", &parent).end();
            std::thread::spawn(loud).join().unwrap();
        }
        f64::from(u8::from(is("loud")))
    });
    let options = ConsoleOptions::default().timestamps(false).writer(text.clone());
    let logfire = local(&[]).0.console(options).sampling(sampling).finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    *other.lock().unwrap() = Some((tracer.clone(), root.clone()));
    let child = tracer.start_with_context("child", &root);
    logfire.force_flush().unwrap();
    let lines = text.get();
    let starts = lines.lines().filter(|line| !line.contains('└')).map(str::trim);
    assert_eq!(starts.collect::<Vec<_>>(), ["root", "loud", "child"]);
    drop(child);
}

#[test]
fn waiting_spans_are_bounded() {
    let running = with(&[], Sampling::level_or_duration());
    let first = running.root("first");
    for _ in 0..10_000 {
        running.child("child", &first, &[]);
    }
    let second = running.root("second");
    running.child("loud", &second, &level(17));
    second.span().end();
    running.child("loud", &first, &level(17));
    // Of the first trace nothing is left but what is loud itself.
    assert_eq!(running.left.names(), ["loud", "second", "loud"]);
    assert_eq!(
        running.warnings.get(),
        "tail sampling: more than 20000 spans wait for a decision, the oldest traces are dropped\n"
    );
}

#[test]
fn the_console_shows_a_kept_trace_from_its_start() {
    let text = Text::default();
    let (configuration, _) = local(&[]);
    let console = ConsoleOptions::default().timestamps(false).writer(text.clone());
    let logfire =
        configuration.console(console).sampling(Sampling::level_or_duration()).finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    for number in [9, 17] {
        let root = tracer.start_with_context(format!("root {number}"), &Context::new());
        let root = Context::new().with_span(root);
        let child = tracer.span_builder(format!("child {number}")).with_attributes(level(number));
        child.start_with_context(&tracer, &root).end();
    }
    logfire.shutdown().unwrap();
    let shown: Vec<_> =
        text.get().lines().map(|line| line.split(" in ").next().unwrap().to_owned()).collect();
    assert_eq!(shown[..2], ["root 17", "  child 17"]);
    assert_eq!(shown.len(), 4, "{shown:?}");
}

#[test]
fn what_is_below_the_lowest_level_goes_nowhere() {
    for variables in [&[][..], &[("LOGFIRE_MIN_LEVEL", "warning")]] {
        let text = Text::default();
        let (configuration, _) = local(variables);
        let left = Left::default();
        let configuration = configuration
            .console(ConsoleOptions::default().timestamps(false).writer(text.clone()))
            .add_span_processor(SimpleSpanProcessor::new(left.clone()));
        let logfire =
            if variables.is_empty() { configuration.min_level(Level::Warn) } else { configuration };
        let logfire = logfire.finish().unwrap();
        let tracer = logfire.tracer_provider().tracer("test");
        for (name, attributes) in
            [("debug", level(5).to_vec()), ("warn", level(13).to_vec()), ("none", Vec::new())]
        {
            tracer.span_builder(name).with_attributes(attributes).start(&tracer).end();
        }
        let logger = logfire.logger_provider().logger("test");
        for (severity, body) in [(Severity::Info, "quiet"), (Severity::Warn, "loud")] {
            let mut record = logger.create_log_record();
            record.set_severity_number(severity);
            record.set_body(body.into());
            logger.emit(record);
        }
        logfire.shutdown().unwrap();
        assert_eq!(left.names(), ["warn", "none"]);
        let text = text.get();
        assert!(
            text.contains("loud") && !text.contains("quiet") && !text.contains("debug"),
            "{text}"
        );
    }
}

#[test]
fn baggage_becomes_attributes() {
    let attributes = |add: bool| {
        let (configuration, _) = local(&[]);
        let left = Left::default();
        let configuration =
            configuration.add_span_processor(SimpleSpanProcessor::new(left.clone()));
        let logfire = configuration.add_baggage_to_attributes(add).finish().unwrap();
        let tracer = logfire.tracer_provider().tracer("test");
        let caller = Context::new().with_baggage([
            KeyValue::new("tenant", "acme"),
            KeyValue::new("taken", "by the caller"),
            KeyValue::new("logfire.msg", "forged"),
            KeyValue::new("long", "ü".repeat(1001)),
            KeyValue::new("password", "hunter2"),
        ]);
        let builder = tracer.span_builder("x").with_attributes([KeyValue::new("taken", 1)]);
        builder.start_with_context(&tracer, &caller).end();
        let span = left.0.lock().unwrap()[0].clone();
        let shown = span.attributes.iter().map(|it| {
            let value = it.value.to_string();
            let value =
                if value.contains('ü') { value.chars().count().to_string() } else { value };
            format!("{}={value}", it.key)
        });
        let mut shown: Vec<_> = shown.filter(|it| !it.starts_with("logfire.scrubbed")).collect();
        shown.sort();
        shown
    };
    assert_eq!(
        attributes(true),
        [
            "baggage_conflict.logfire.msg=forged",
            "baggage_conflict.taken=by the caller",
            "logfire.msg=x",
            "logfire.span_type=span",
            "long=1000",
            "password=[Scrubbed due to 'password']",
            "taken=1",
            "tenant=acme",
        ]
    );
    assert_eq!(attributes(false), ["logfire.msg=x", "logfire.span_type=span", "taken=1"]);
}

#[test]
fn processors_of_the_user_get_the_old_names_if_they_are_asked_for() {
    for (variables, expected) in [
        (&[][..], vec!["http.request.method", "logfire.msg", "logfire.span_type"]),
        (
            &[("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")],
            vec!["http.method", "http.request.method", "logfire.msg", "logfire.span_type"],
        ),
    ] {
        let running = with(variables, 1.0);
        let request = running.tracer.span_builder("GET");
        let request = request.with_attributes([KeyValue::new("http.request.method", "GET")]);
        request.start(&running.tracer).end();
        let left = running.left.0.lock().unwrap();
        let mut names: Vec<_> = left[0].attributes.iter().map(|it| it.key.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
    }
}
