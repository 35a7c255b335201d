//! Spans and events of `tracing`, seen on the console and on the wire.

use std::fmt;

use logfire_rs_sdk::{
    ConsoleOptions, Level, Sampling,
    opentelemetry::{
        Context,
        trace::{
            SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
            TracerProvider,
        },
    },
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        self as lines, FmtContext,
        format::{Format, FormatEvent, FormatFields, Writer},
    },
    layer::SubscriberExt,
    registry,
    registry::LookupSpan,
};

use crate::{Text, Variables, local, receiver::Receiver};

/// The console's lines, without those about ends, for what `work` does inside an OpenTelemetry span.
fn shown(variables: Variables, work: impl FnOnce()) -> String {
    let text = Text::default();
    let options = ConsoleOptions::default().timestamps(false).writer(text.clone());
    let logfire = local(variables).0.console(options).finish().unwrap();
    let subscriber = registry().with(logfire.tracing_layer());
    let tracer = logfire.tracer_provider().tracer("test");
    tracing::subscriber::with_default(subscriber, || tracer.in_span("request", |_| work()));
    logfire.shutdown().unwrap();
    text.get().lines().filter(|line| !line.contains('└')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn spans_are_children_and_events_are_logs() {
    let text = shown(&[], || {
        tracing::info!("before");
        tracing::info_span!("check out").in_scope(|| {
            tracing::info!(items = 3, "sold");
            tracing::debug!("hidden");
        });
        let _double =
            tracing::info_span!(target: "tower_http::trace::make_span", "request").entered();
        tracing::warn!(target: "tower_http::trace", "kept");
        tracing::info!(target: "opentelemetry_sdk", "hidden");
    });
    assert_eq!(text, "request\n  before\n  check out\n    sold items=3\n  kept\n");
}

#[test]
fn spans_that_double_a_request_are_left_out_and_their_events_are_kept() {
    macro_rules! work {
        ($($target:literal)*) => {
            || {
                $(
                    let span = tracing::info_span!(target: $target, "double");
                    span.in_scope(|| tracing::warn!(target: $target, "kept {}", $target));
                )*
                tracing::info_span!(target: "hyperloglog", "own").in_scope(|| ());
                tracing::info_span!(target: "tonic_server::api", "own too").in_scope(|| ());
            }
        };
    }
    let text = shown(
        &[],
        work!("tower_http::trace" "hyper::client" "h2" "tonic" "reqwest::connect" "opentelemetry"),
    );
    let expected = "request\n  kept tower_http::trace\n  kept hyper::client\n  kept h2\n  kept tonic\n  \
                    kept reqwest::connect\n  kept opentelemetry\n  own\n  own too\n";
    assert_eq!(text, expected);
}

#[test]
fn rust_log_filters() {
    let text = shown(&[("RUST_LOG", "error,it=debug")], || {
        tracing::debug!("shown");
        tracing::info!(target: "elsewhere", "hidden");
    });
    assert_eq!(text, "request\n  shown\n");
}

#[test]
fn logs_carry_the_ids_of_their_span() {
    let receiver = Receiver::start();
    let configuration = local(&[]).0.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.finish().unwrap();
    tracing::subscriber::with_default(registry().with(logfire.tracing_layer()), || {
        tracing::info_span!("work").in_scope(|| tracing::info!("inside"));
    });
    logfire.shutdown().unwrap();

    let body = |path: &str| {
        let line = format!("POST {path} HTTP/1.1");
        receiver.received().into_iter().find(|request| request.line == line).unwrap().body
    };
    let traces = ExportTraceServiceRequest::decode(body("/v1/traces").as_slice()).unwrap();
    let scopes = traces.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).collect();
    let logs = ExportLogsServiceRequest::decode(body("/v1/logs").as_slice()).unwrap();
    let scopes = logs.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    let logs: Vec<_> = scopes.flat_map(|scope| scope.log_records).collect();
    assert_eq!((spans.len(), logs.len()), (1, 1));
    assert_eq!((&logs[0].trace_id, &logs[0].span_id), (&spans[0].trace_id, &spans[0].span_id));
    // The event is a log, and not an event of the span again.
    assert_eq!(spans[0].events.len(), 0);
}

/// What the console shows of `work` with these settings, without ends.
fn shown_with(
    configuration: logfire_rs_sdk::Configuration,
    work: impl FnOnce(),
) -> Vec<(usize, String)> {
    let text = Text::default();
    let options = ConsoleOptions::default().timestamps(false).writer(text.clone());
    let logfire = configuration.console(options).finish().unwrap();
    tracing::subscriber::with_default(registry().with(logfire.tracing_layer()), work);
    logfire.shutdown().unwrap();
    let lines = text.get();
    let starts = lines.lines().filter(|line| !line.contains('└'));
    starts.map(|line| (line.len() - line.trim_start().len(), line.trim().to_owned())).collect()
}

fn nested() {
    tracing::warn_span!("outer").in_scope(|| {
        tracing::info_span!("between").in_scope(|| {
            tracing::error_span!("inner").in_scope(|| tracing::info!("quiet"));
        });
    });
}

#[test]
fn what_is_below_the_lowest_level_leaves_no_gap() {
    let (configuration, _) = local(&[]);
    let starts = shown_with(configuration.min_level(Level::Warn), nested);
    assert_eq!(starts, [(0, "outer".to_owned()), (2, "inner".to_owned())]);
    // A variable does the same, and what `RUST_LOG` hides stays hidden.
    let (configuration, _) = local(&[("LOGFIRE_MIN_LEVEL", "debug"), ("RUST_LOG", "error")]);
    assert_eq!(shown_with(configuration, nested), [(0, "inner".to_owned())]);
}

#[test]
fn the_level_of_a_span_decides_whether_its_trace_is_kept() {
    let (configuration, _) = local(&[]);
    let sampling = Sampling::level_or_duration().level_threshold(Level::Warn);
    let starts = shown_with(configuration.sampling(sampling), || {
        tracing::info_span!("dropped").in_scope(|| ());
        tracing::warn_span!("kept").in_scope(|| ());
    });
    assert_eq!(starts, [(0, "kept".to_owned())]);
}

#[test]
fn spans_have_the_levels_of_tracing() {
    let receiver = Receiver::start();
    let configuration = local(&[("RUST_LOG", "trace")]).0;
    let configuration = configuration.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.finish().unwrap();
    tracing::subscriber::with_default(registry().with(logfire.tracing_layer()), || {
        drop(tracing::trace_span!("trace", level = "mine").entered());
        drop(tracing::debug_span!("debug").entered());
        drop(tracing::debug_span!("failed", otel.status_code = "ERROR").entered());
        drop(tracing::info_span!("info", level = "mine").entered());
        drop(tracing::warn_span!("warn").entered());
        drop(tracing::error_span!("error").entered());
    });
    logfire.shutdown().unwrap();

    let bodies = receiver.received().into_iter().filter(|it| it.line.contains("/v1/traces"));
    let mut told = Vec::new();
    for body in bodies {
        let traces = ExportTraceServiceRequest::decode(body.body.as_slice()).unwrap();
        let scopes = traces.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            let value = |name: &str| {
                let found = span.attributes.iter().find(|it| it.key == name)?;
                Some(format!("{:?}", found.value.clone()?.value?))
            };
            if value("logfire.span_type").is_some_and(|it| it.contains("\"span\"")) {
                let level = value("logfire.level_num").unwrap_or_default();
                let own = value("level").unwrap_or_default();
                told.push(format!("{} {level} {own}", span.name).trim().to_owned());
            }
        }
    }
    assert_eq!(
        told,
        [
            "trace IntValue(1) StringValue(\"mine\")",
            "debug IntValue(5)",
            "failed IntValue(17)",
            "info  StringValue(\"mine\")",
            "warn IntValue(13)",
            "error IntValue(17)",
        ]
    );
}

/// What a subscriber with lines in this format writes of `work`.
macro_rules! written {
    ($logfire:expr, $format:expr, $work:expr) => {{
        let text = Text::default();
        let writer = text.clone();
        let lines = lines::layer().event_format($format).with_writer(move || writer.clone());
        let subscriber = registry().with($logfire.tracing_layer()).with(lines);
        tracing::subscriber::with_default(subscriber, $work);
        text.get()
    }};
}

#[test]
fn lines_carry_the_ids_of_their_span_and_the_name_of_the_service() {
    let logfire = local(&[]).0.service_name("shop").finish().unwrap();
    let plain = || Format::default().without_time().with_target(false).with_ansi(false);
    let tracer = logfire.tracer_provider().tracer("test");
    let caller = SpanContext::new(
        TraceId::from(0xabc),
        SpanId::from(0xdef),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let mut ids = Vec::new();
    let text = written!(logfire, logfire.event_format(plain()), || {
        tracing::info!("alone");
        // As a request with a caller, which the layer does not know.
        let caller = Context::new().with_remote_span_context(caller);
        let span = tracer.start_with_context("request", &caller);
        let _request = Context::new().with_span(span).attach();
        tracing::info!("handler");
        ids.push(Context::current().span().span_context().span_id());
        tracing::info_span!("work").in_scope(|| {
            tracing::info!("inside");
            ids.push(Context::current().span().span_context().span_id());
        });
        let _root =
            Context::new().with_span(tracer.start_with_context("root", &Context::new())).attach();
        tracing::info!("root");
        let root = Context::current();
        let root = root.span().span_context().clone();
        ids.push(root.span_id());
        assert_ne!(root.trace_id(), TraceId::from(0xabc));
    });
    let trace = TraceId::from(0xabc);
    let (request, work, root) = (ids[0], ids[1], ids[2]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "service.name=shop  INFO alone".to_owned(),
            format!(
                "trace_id={trace} span_id={request} parent_span_id=0000000000000def service.name=shop  INFO handler"
            ),
            format!(
                "trace_id={trace} span_id={work} parent_span_id={request} service.name=shop  INFO work: inside"
            ),
        ]
    );
    let (ids, rest) = lines[3].split_once(" service.name=").unwrap();
    assert!(ids.ends_with(&format!(" span_id={root}")), "{ids}");
    assert_eq!(rest, "shop  INFO root");
}

/// Writes the message and nothing else, as JSON, or an object without members.
struct Json {
    is_empty: bool,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        _event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str(if self.is_empty { "{}\n" } else { "{\"message\":\"sold\"}\n" })
    }
}

#[test]
fn lines_of_json_stay_json() {
    let logfire = local(&[]).0.service_name("the \"shop\"").finish().unwrap();
    for is_empty in [false, true] {
        let format = logfire.event_format(Json { is_empty }).json(true);
        let text = written!(logfire, format, || {
            tracing::info_span!("work").in_scope(|| tracing::info!("sold"));
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["service.name"], "the \"shop\"");
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
        assert!(line.get("parent_span_id").is_none());
        assert_eq!(line.get("message").is_none(), is_empty);
    }
    let format = logfire.event_format(Json { is_empty: true });
    let text = written!(logfire, format, || tracing::info!("sold"));
    assert_eq!(text, "service.name=\"the \\\"shop\\\"\" {}\n");
}
