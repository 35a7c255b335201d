//! No secret leaves on any of the ways out.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use logfire_rs_sdk::{
    ConsoleOptions, Scrubbing,
    opentelemetry::{
        Context, KeyValue,
        logs::{AnyValue, LogRecord, Logger, LoggerProvider},
        trace::{Span, Status, Tracer, TracerProvider},
    },
    opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SimpleSpanProcessor, SpanData, SpanExporter, SpanProcessor},
    },
};

use crate::{Text, local, local_with, receiver::Receiver};

/// Everything that a processor of the user gets, as text.
#[derive(Clone, Debug, Default)]
struct Exported(Arc<Mutex<String>>);

impl SpanExporter for Exported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().push_str(&format!("{batch:?}"));
        Ok(())
    }
}

/// What a processor of the user reads of a span at its start, and of the same span when it has ended.
#[derive(Clone, Debug, Default)]
struct Both(Arc<Mutex<Vec<Vec<KeyValue>>>>);

impl SpanProcessor for Both {
    fn on_start(&self, span: &mut opentelemetry_sdk::trace::Span, _: &Context) {
        self.0.lock().unwrap().push(span.exported_data().unwrap().attributes);
    }

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span.attributes);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_processor_of_the_user_gets_ended_spans_scrubbed_and_running_ones_as_they_are() {
    let both = Both::default();
    let logfire = local(&[]).0.add_span_processor(both.clone()).finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    let password = [KeyValue::new("password", "hunter2")];
    tracer.span_builder("sign in").with_attributes(password).start(&tracer).end();
    let seen: Vec<_> = both.0.lock().unwrap().iter().map(|it| it[0].value.to_string()).collect();
    assert_eq!(seen, ["hunter2", "[Scrubbed due to 'password']"]);
}

/// What left, by its way, after secrets were put everywhere.
fn left(scrubbing: impl Into<Scrubbing>) -> Vec<(&'static str, String)> {
    let (platform, collector) = (Receiver::start(), Receiver::start());
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url());
    let (configuration, _) = local_with(vec![endpoint]);
    let (console, processor) = (Text::default(), Exported::default());
    let logfire = configuration
        .token("pylf_v1_us_test")
        .base_url(platform.url())
        .console(ConsoleOptions::default().writer(console.clone()))
        .add_span_processor(SimpleSpanProcessor::new(processor.clone()))
        .resource_attributes([KeyValue::new("db_password", "hunter2")])
        .scrubbing(scrubbing)
        .finish()
        .unwrap();

    let tracer = logfire.tracer_provider().tracer("test");
    let at_the_start = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.path", "/sign-in"),
        KeyValue::new("url.query", "password=hunter2"),
        KeyValue::new("user", r#"{"credentials":{"pin":"hunter2"}}"#),
    ];
    let mut span = tracer.span_builder("GET").with_attributes(at_the_start).start(&tracer);
    span.set_attribute(KeyValue::new("http.request.header.x-api-key", "hunter2"));
    span.add_event("signed in", vec![KeyValue::new("session_id", "hunter2")]);
    span.set_status(Status::error("no user with password: hunter2"));
    span.end();
    let message = [KeyValue::new("logfire.msg", "the password is hunter2")];
    tracer.span_builder("message").with_attributes(message).start(&tracer).end();

    let logger = logfire.logger_provider().logger("test");
    let mut record = logger.create_log_record();
    record.set_body(AnyValue::from("secret=hunter2 of bob"));
    record.add_attribute("cookie", "hunter2");
    logger.emit(record);
    logfire.shutdown().unwrap();

    let sent = |receiver: &Receiver| {
        let bodies = receiver.received().into_iter().map(|request| request.body);
        bodies.map(|body| String::from_utf8_lossy(&body).into_owned()).collect::<String>()
    };
    let processed = processor.0.lock().unwrap().clone();
    vec![
        ("Logfire", sent(&platform)),
        ("collector", sent(&collector)),
        ("console", console.get()),
        ("processor", processed),
    ]
}

#[test]
fn no_way_out_shows_a_secret() {
    for (way, text) in left(Scrubbing::default()) {
        assert!(!text.contains("hunter2"), "{way}: {text}");
        assert!(text.contains("GET /sign-in ? password='REDACTED'"), "{way}: {text}");
        assert!(text.contains("the password is [Scrubbed due to 'password']"), "{way}: {text}");
        if way != "processor" {
            assert!(text.contains("secret=[Scrubbed due to 'secret'] of bob"), "{way}: {text}");
        }
    }
}

#[test]
fn every_way_out_shows_everything_without_scrubbing() {
    for (way, text) in left(false) {
        assert!(text.contains("hunter2") && !text.contains("Scrubbed"), "{way}: {text}");
    }
}

#[test]
fn an_invalid_pattern_is_an_error_that_names_the_setting() {
    let (configuration, _) = local(&[]);
    let error = configuration.scrubbing(Scrubbing::default().extra_patterns(["a("])).finish();
    assert!(error.unwrap_err().to_string().starts_with("scrubbing is invalid: "));
}
