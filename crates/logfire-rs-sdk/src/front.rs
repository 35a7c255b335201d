//! What happens to spans and logs before everything else: baggage is added, what is not loud enough goes.

use std::time::Duration;

#[cfg(feature = "tracing")]
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{
    Context, InstrumentationScope, KeyValue, Value, baggage::BaggageExt, logs::Severity,
    trace::Span as _,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
    trace::{Span, SpanData, SpanProcessor},
};

#[cfg(feature = "tracing")]
use crate::parents::Parents;
use crate::{Level, data_model, environment::Environment};

/// Longer values of baggage are cut, as Logfire's Python SDK does; the context keeps all of it.
const MAX_VALUE: usize = 1000;
/// What one span takes of it.
const MAX_ENTRIES: usize = 64;

/// Copies the baggage of the context to the attributes of each span that starts in it.
///
/// [`configure`](crate::configure) does this already. With an OpenTelemetry SDK of your own, add it before the processor
/// that exports.
///
/// Each entry becomes an attribute of its name; one that the span has already, or whose name begins with `logfire.`, becomes
/// `baggage_conflict.` and the name, because baggage comes from callers, who must not say what a span is. Values are cut at
/// 1000 characters, and one span takes 64 entries. The rule is that of Logfire's Python SDK.
///
/// ```
/// use logfire_rs_sdk::{
///     BaggageToAttributes,
///     opentelemetry::{Context, KeyValue, baggage::BaggageExt, trace::{Tracer, TracerProvider}},
///     opentelemetry_sdk::trace::SdkTracerProvider,
/// };
///
/// let provider = SdkTracerProvider::builder().with_span_processor(BaggageToAttributes).build();
/// let caller = Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
/// let span = provider.tracer("doc").start_with_context("work", &caller);
/// assert_eq!(span.exported_data().unwrap().attributes, [KeyValue::new("tenant", "acme")]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BaggageToAttributes;

impl SpanProcessor for BaggageToAttributes {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        let baggage = cx.baggage();
        if baggage.is_empty() {
            return;
        }
        let Some(data) = span.exported_data() else { return };
        for (key, (value, _)) in baggage.iter().take(MAX_ENTRIES) {
            let is_taken = key.as_str().starts_with("logfire.")
                || data.attributes.iter().any(|attribute| attribute.key == *key);
            let key = if is_taken { format!("baggage_conflict.{key}").into() } else { key.clone() };
            span.set_attribute(KeyValue::new(key, cut(value.as_str())));
        }
    }

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn cut(value: &str) -> Value {
    let end = value.char_indices().nth(MAX_VALUE).map_or(value.len(), |(end, _)| end);
    Value::from(value.get(..end).unwrap_or_default().to_owned())
}

/// What the setters gave.
#[derive(Debug, Default)]
pub(crate) struct FrontSettings {
    pub(crate) min_level: Option<Level>,
    pub(crate) leave_baggage: bool,
}

impl FrontSettings {
    pub(crate) fn resolve(&self, env: &Environment) -> Front {
        let named = || env.parsed(&["LOGFIRE_MIN_LEVEL"], Level::EXPECTED, Level::parse);
        Front {
            min_level: self.min_level.or_else(named),
            adds_baggage: !self.leave_baggage,
            #[cfg(feature = "tracing")]
            parents: Parents::default(),
        }
    }
}

/// What is decided about it.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) min_level: Option<Level>,
    adds_baggage: bool,
    #[cfg(feature = "tracing")]
    pub(crate) parents: Parents,
}

impl Front {
    pub(crate) fn before<P>(self, inner: P) -> Fronted<P> {
        Fronted { front: self, inner }
    }
}

/// A processor behind the front.
#[derive(Debug)]
pub(crate) struct Fronted<P> {
    front: Front,
    inner: P,
}

impl<P> Fronted<P> {
    /// By the level that it was given; what has none is loud enough.
    fn is_loud(&self, span: &SpanData) -> bool {
        let Some(min_level) = self.front.min_level else { return true };
        data_model::own_level(span).is_none_or(|level| level >= min_level.number())
    }
}

impl<P: SpanProcessor> SpanProcessor for Fronted<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        if self.front.min_level.is_some()
            && span.exported_data().is_some_and(|span| !self.is_loud(&span))
        {
            return;
        }
        #[cfg(feature = "tracing")]
        self.front.parents.began(span.span_context().span_id(), cx.span().span_context().span_id());
        if self.front.adds_baggage {
            BaggageToAttributes.on_start(span, cx);
        }
        self.inner.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        #[cfg(feature = "tracing")]
        self.front.parents.ended(span.span_context.span_id());
        if self.is_loud(&span) {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Passes log records of a level that is high enough, or that have none.
#[derive(Debug)]
pub(crate) struct LoudLogs<P> {
    pub(crate) min_level: Option<Level>,
    pub(crate) inner: P,
}

impl<P> LoudLogs<P> {
    fn is_loud(&self, severity: Option<Severity>) -> bool {
        match (self.min_level, severity) {
            (Some(min_level), Some(severity)) => severity as i64 >= min_level.number(),
            _ => true,
        }
    }
}

impl<P: LogProcessor> LogProcessor for LoudLogs<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.is_loud(record.severity_number()) {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.is_loud(Some(level)) && self.inner.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
