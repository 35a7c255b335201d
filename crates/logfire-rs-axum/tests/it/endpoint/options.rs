//! The mapper, the extra spans, and requests that are not sampled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;
use logfire_rs_axum::{EndpointArguments, HttpServerOptions, endpoint};
use opentelemetry::trace::{
    Span as _, SpanId, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use serde::{Serialize, Serializer};

use super::{Record, exceptions, get as value, record_with};
use crate::Spans;

#[endpoint]
async fn show(
    Path(id): Path<u32>,
    Query(page): Query<Vec<(String, String)>>,
) -> Result<String, StatusCode> {
    match id {
        0 => Err(StatusCode::NOT_FOUND),
        13 => panic!("thirteen"),
        _ => Ok(format!("{id} {}", page.len())),
    }
}

async fn mapped(
    request: &str,
    mapper: impl Fn(&logfire_rs_axum::core::RequestSpan, EndpointArguments) -> EndpointArguments
    + Send
    + Sync
    + 'static,
) -> Record {
    let spans = Spans::new();
    let options = spans.options().request_attributes_mapper(mapper);
    record_with(Router::new().route("/{id}", get(show)), options, &spans, request).await
}

#[tokio::test]
async fn a_mapper_replaces_adds_and_drops() {
    let changed = mapped("GET /7?password=s3cret", |span, mut arguments| {
        assert_eq!(span.route().as_deref(), Some("/{id}"));
        assert_eq!(arguments.values["page"][0][1], "[REDACTED]");
        arguments.values.remove("page");
        arguments.values.insert("id".to_owned(), "seven".into());
        arguments.values.insert("long".to_owned(), "x".repeat(100_000).into());
        arguments.extra.push(KeyValue::new("custom_attr", 1));
        arguments
    })
    .await;
    let values = changed.values();
    assert!(values.starts_with(r#"{"id":"seven","long":"xxx"#) && values.ends_with("…\"}"));
    assert!(values.len() < 9000, "{}", values.len());
    assert_eq!(changed.get("custom_attr").as_deref(), Some("1"));

    let errors = mapped("GET /x", |_, mut arguments| {
        arguments.errors[0]["type"] = "mine".into();
        arguments
    });
    assert_eq!(errors.await.error(), r#"mine ["path","id"] expected `u32` <- "x""#);

    let none = mapped("GET /7", |_, _| EndpointArguments::none()).await;
    assert_eq!((&*none.values(), &*none.error()), ("", ""));
    assert_eq!(none.get("logfire.json_schema"), None);
    assert!(none.times().starts_with("arguments.start"));
}

#[tokio::test]
async fn a_mapper_that_panics_lets_nothing_through() {
    let record = mapped("GET /7", |_, _| panic!("on purpose")).await;
    assert_eq!((record.status, &*record.values()), (200, ""));
}

/// Makes a span while it is extracted.
struct Traced;

impl FromRequestParts<Tracing> for Traced {
    type Rejection = StatusCode;

    async fn from_request_parts(_: &mut Parts, tracer: &Tracing) -> Result<Self, StatusCode> {
        tracer.note();
        tracer.0.start("in the extractor").end();
        tokio::task::yield_now().await;
        tracer.0.start("again").end();
        Ok(Self)
    }
}

#[derive(Clone)]
struct Tracing(Arc<SdkTracer>, Arc<Mutex<Vec<SpanId>>>);

impl Tracing {
    /// Notes the span that a log would belong to.
    fn note(&self) {
        self.1.lock().unwrap().push(Context::current().span().span_context().span_id());
    }
}

#[endpoint]
async fn traced(
    axum::extract::State(tracer): axum::extract::State<Tracing>,
    _: Traced,
    Path(id): Path<u32>,
) -> Result<String, StatusCode> {
    tracer.note();
    tracer.0.start("in the handler").end();
    if id == 0 { Err(StatusCode::NOT_FOUND) } else { Ok(String::new()) }
}

async fn children(extra: bool, request: &str) -> Vec<SpanData> {
    let spans = Spans::new();
    let tracer = Tracing(Arc::new(spans.provider.tracer("test")), Arc::default());
    let app = Router::new().route("/{id}", get(traced)).with_state(tracer.clone());
    let recorded = record_with(app, spans.options().extra_spans(extra), &spans, request).await;
    // Logs belong to the same spans.
    let logs = tracer.1.lock().unwrap().clone();
    let parent =
        |name| recorded.spans.iter().find(|it| it.name == name).map(|it| it.parent_span_id);
    let parents = [parent("in the extractor"), parent("in the handler")];
    assert_eq!(logs, parents.into_iter().flatten().collect::<Vec<_>>());
    recorded.spans
}

fn parents(spans: &[SpanData]) -> Vec<(String, String)> {
    let name = |id| {
        let parent = spans.iter().find(|it: &&SpanData| it.span_context.span_id() == id);
        parent.map_or_else(String::new, |it| it.name.to_string())
    };
    spans.iter().map(|it| (it.name.to_string(), name(it.parent_span_id))).collect()
}

#[tokio::test]
async fn extra_spans_are_parents_of_what_happens_in_them() {
    let owned = |it: &[(&str, &str)]| -> Vec<_> {
        it.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let spans = children(true, "GET /7").await;
    assert_eq!(
        parents(&spans),
        owned(&[
            ("in the extractor", "axum arguments"),
            ("again", "axum arguments"),
            ("axum arguments", "GET /{id}"),
            ("in the handler", "GET /{id} (traced)"),
            ("GET /{id} (traced)", "GET /{id}"),
            ("GET /{id}", ""),
        ])
    );
    let (arguments, function) = (&spans[2], &spans[4]);
    assert_eq!(
        (&arguments.span_kind, &function.span_kind),
        (&SpanKind::Internal, &SpanKind::Internal)
    );
    assert_eq!(value(arguments, "axum.arguments.values").as_deref(), Some(r#"{"id":7}"#));
    for span in [arguments, function] {
        assert_eq!(value(span, "http.request.method").as_deref(), Some("GET"));
        assert_eq!(value(span, "http.route").as_deref(), Some("/{id}"));
    }
    assert!(value(function, "code.function.name").unwrap().ends_with("::traced"));
    assert!(value(function, "code.line.number").is_some());

    let plain = children(false, "GET /7").await;
    assert!(parents(&plain).iter().take(3).all(|it| it.1 == "GET /{id}"), "{plain:?}");
}

#[tokio::test]
async fn extra_spans_show_rejections_errors_and_panics() {
    let rejected = children(true, "GET /x").await;
    assert_eq!(rejected.len(), 4);
    assert!(value(&rejected[2], "axum.arguments.errors").unwrap().contains("path_invalid"));
    assert_eq!(rejected[2].status, Status::Unset);

    let failed = children(true, "GET /0").await;
    assert_eq!(exceptions(&failed[4]), "http::status::StatusCode: 404 Not Found");
    assert_eq!(failed[4].status, Status::Unset);

    let spans = Spans::new();
    let app = Router::new().route("/{id}", get(show));
    let options = spans.options().extra_spans(true);
    let panics = tokio::spawn(async move {
        let spans = Spans::new();
        record_with(app, options, &spans, "GET /13").await
    });
    assert!(panics.await.unwrap_err().is_panic());
    let spans = spans.take();
    assert_eq!((&*spans[1].name, &spans[1].status), ("GET /{id} (show)", &Status::error("panic")));
}

#[tokio::test]
async fn a_request_that_is_not_sampled_serializes_nothing() {
    static SERIALIZED: AtomicUsize = AtomicUsize::new(0);

    #[derive(serde::Deserialize)]
    #[serde(transparent)]
    struct Counted(u8);

    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            SERIALIZED.fetch_add(1, Ordering::Relaxed);
            serializer.serialize_u8(self.0)
        }
    }

    #[endpoint]
    async fn counted(Path(counted): Path<Counted>) -> String {
        counted.0.to_string()
    }

    for (sampler, expected) in [(Sampler::AlwaysOff, 0), (Sampler::AlwaysOn, 1)] {
        let spans = Spans::new();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.exporter.clone())
            .with_sampler(sampler)
            .build();
        let mapped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&mapped);
        let options = HttpServerOptions::default().env_lookup(|_| None).metrics(false);
        let options = options.tracer_provider(provider.clone()).extra_spans(true);
        let options = options.request_attributes_mapper(move |_, arguments| {
            count.fetch_add(1, Ordering::Relaxed);
            arguments
        });
        let app = Router::new().route("/{id}", get(counted));
        let record = record_with(app, options, &spans, "GET /7").await;
        assert_eq!(record.body, "7");
        assert_eq!(SERIALIZED.load(Ordering::Relaxed), expected);
        assert_eq!(mapped.load(Ordering::Relaxed), expected);
        assert_eq!(record.spans.len(), expected * 3);
        provider.shutdown().unwrap();
    }
}
