//! The tracer, instruments and propagator of an instrumenter.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{Span, SpanBuilder, TraceContextExt as _, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};

use crate::metrics::{HttpMetrics, Side};
use crate::options::SharedOptions;
use crate::propagation::Propagation;
use crate::{attributes, diagnostics};

/// Resolved at the first request, so that an SDK may be installed after the adapter.
pub(crate) struct Backend {
    tracer: Option<Box<dyn StartSpan>>,
    pub(crate) metrics: Option<HttpMetrics>,
    pub(crate) propagation: Propagation,
    /// The tracer turned out to make no spans.
    no_sdk: AtomicBool,
}

impl Backend {
    pub(crate) fn resolve(
        shared: &SharedOptions,
        scope: &InstrumentationScope,
        side: Side,
        body_sizes: bool,
    ) -> Self {
        let metrics = shared.metrics.unwrap_or(true) && shared.has_meter();
        Self {
            tracer: shared.spans.unwrap_or(true).then(|| shared.tracer(scope.clone())),
            metrics: metrics
                .then(|| HttpMetrics::new(&shared.meter(scope.clone()), side, body_sizes)),
            propagation: Propagation::resolve(shared.propagator.as_ref()),
            no_sdk: AtomicBool::new(false),
        }
    }

    /// The tracer, unless spans are switched off or there is no SDK to make them.
    pub(crate) fn tracer(&self) -> Option<&dyn StartSpan> {
        self.tracer.as_deref().filter(|_| !self.no_sdk.load(Ordering::Relaxed))
    }

    /// Whether there are spans or metrics.
    pub(crate) fn records(&self) -> bool {
        self.tracer().is_some() || self.metrics.is_some()
    }

    /// `parent` with the span of `builder`, and whether that span records anything.
    #[inline]
    pub(crate) fn start(
        &self,
        tracer: &dyn StartSpan,
        builder: SpanBuilder,
        parent: &Context,
    ) -> (Context, bool) {
        let (context, recording) = tracer.start(builder, parent);
        if !recording && !is_new(&context, parent) {
            self.no_sdk.store(true, Ordering::Relaxed);
            diagnostics::no_tracer_provider();
        }
        (context, recording)
    }
}

/// Whether an SDK has made the span of `context`, be it one that is not sampled.
fn is_new(context: &Context, parent: &Context) -> bool {
    let span = context.span();
    let span_context = span.span_context();
    span_context.is_valid() && span_context.span_id() != parent.span().span_context().span_id()
}

/// A tracer of any type.
///
/// OpenTelemetry's own `BoxedTracer` boxes each span, and a context boxes what it gets once more.
pub(crate) trait StartSpan: Send + Sync {
    /// `parent` with a new span, and whether that span records anything.
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool);
}

impl<T> StartSpan for T
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool) {
        let span = self.build_with_context(builder, parent);
        if span.is_recording() {
            (parent.with_span(span), true)
        } else {
            (parent.with_remote_span_context(span.span_context().clone()), false)
        }
    }
}

/// A tracer provider of any type.
pub(crate) trait Tracers: Send + Sync {
    fn tracer(&self, scope: InstrumentationScope) -> Box<dyn StartSpan>;
}

impl<P> Tracers for P
where
    P: TracerProvider + Send + Sync,
    P::Tracer: Send + Sync + 'static,
    <P::Tracer as Tracer>::Span: Send + Sync + 'static,
{
    fn tracer(&self, scope: InstrumentationScope) -> Box<dyn StartSpan> {
        Box::new(self.tracer_with_scope(scope))
    }
}

/// The scope of the adapter `name`.
pub(crate) fn scope(name: &'static str, version: &'static str) -> InstrumentationScope {
    InstrumentationScope::builder(name)
        .with_version(version)
        .with_schema_url(attributes::SCHEMA_URL)
        .build()
}
