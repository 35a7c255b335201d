//! An argument while it is taken out of a request.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, ContextGuard, KeyValue};
use pin_project_lite::pin_project;

use super::record::{self, Record};
use super::{Argument, Captured, Endpoint, EndpointLimits, Framework};
use crate::attributes::{self as keys, attribute};
use crate::current::recorded_request;
use crate::request_span::{Notes, RequestSpan};
use crate::server::RequestBodyObserver;

/// An argument that is being taken out of the current request.
///
/// Whatever becomes of it, the time is noted when this goes.
pub struct Extraction {
    request: RequestSpan,
    argument: &'static Argument,
    /// The span of the arguments, if there is to be one.
    context: Option<Context>,
    reads_body: bool,
    settled: bool,
}

impl Extraction {
    /// Begins with an argument of `E`; `None` if nothing is recorded.
    #[must_use]
    pub fn start<E: Endpoint>(index: usize) -> Option<Self> {
        let request = recorded_request()?;
        let argument = E::INFO.arguments.get(index)?;
        let (name, context) = {
            let mut notes = request.0.notes();
            let record = Record::begin_argument::<E>(&mut notes.endpoint)?;
            (record.arguments_span(), record.span.clone())
        };
        let context = context.or_else(|| {
            let started = start_span(&request, || name.to_owned(), Vec::new)?;
            with_record(&request, |it| it.span = Some(started.clone()));
            Some(started)
        });
        Some(Self { request, argument, context, reads_body: false, settled: false })
    }

    /// Runs the work of an extractor; what it makes is a child of the span of the arguments.
    pub fn run<T: Future>(
        extraction: Option<&Self>,
        work: T,
    ) -> impl Future<Output = T::Output> + use<T> {
        Within::new(extraction.and_then(|it| it.context.clone()), work)
    }

    /// Makes the span of the arguments the current one, around a poll of an extractor.
    #[must_use]
    pub fn enter(&self) -> Option<ContextGuard> {
        self.context.clone().map(Context::attach)
    }

    /// What keeps the body that the extractor reads until it is done, so that an error can be found
    /// in it. `None` if nothing of the argument is to be shown.
    #[must_use]
    pub fn body_observer(&mut self) -> Option<RequestBodyObserver> {
        self.reads_body = !self.argument.is_skipped;
        self.reads_body.then(|| RequestBodyObserver::keeping(self.request.clone()))
    }

    /// The body that the extractor has read. Others that run at the same time leave it alone.
    fn body(&self) -> Option<Vec<u8>> {
        if self.reads_body { self.request.0.notes().take_body() } else { None }
    }

    /// The argument is there.
    pub fn extracted(mut self, value: &dyn Any) {
        self.settled = true;
        with_record(&self.request, Record::end_argument);
        drop(self.body());
        let limits = limits(&self.request);
        let captured = (self.argument.capture)(value, limits);
        with_record(&self.request, |it| it.keep(self.argument, captured, limits));
    }

    /// The argument was rejected, and so is the request, whose query may show what was wrong.
    pub fn rejected<E: Endpoint>(
        mut self,
        rejection: &dyn Any,
        type_name: &'static str,
        query: Option<&str>,
    ) {
        self.settled = true;
        let argument = self.argument;
        let body = self.body();
        let error = E::Framework::describe(rejection, type_name);
        let error = error.found_in(query, body.as_deref(), argument.wrong_key);
        let limits = limits(&self.request);
        with_record(&self.request, |it| {
            it.give_up();
            it.keep(argument, Captured::Error(error), limits);
        });
        record::publish(&self.request);
    }
}

impl Drop for Extraction {
    fn drop(&mut self) {
        // The client has left.
        if !self.settled {
            drop(self.body());
            with_record(&self.request, Record::give_up);
            record::publish(&self.request);
        }
    }
}

impl fmt::Debug for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").field("argument", &self.argument.name).finish_non_exhaustive()
    }
}

/// How much is kept of values.
pub(super) fn limits(request: &RequestSpan) -> EndpointLimits {
    let server = request.0.server.as_ref();
    server.map(|it| it.options().endpoint_limits).unwrap_or_default()
}

pub(super) fn with_record(request: &RequestSpan, change: impl FnOnce(&mut Record)) {
    let mut notes = request.0.notes();
    if let Notes { ended: false, endpoint: Some(record), .. } = &mut *notes {
        change(record);
    }
}

pin_project! {
    /// Work in a context, if there is one. As an async function it would keep the work several times.
    pub(super) struct Within<T> {
        #[pin]
        work: T,
        context: Option<Context>,
    }
}

impl<T> Within<T> {
    pub(super) fn new(context: Option<Context>, work: T) -> Self {
        Self { work, context }
    }
}

impl<T: Future> Future for Within<T> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<T::Output> {
        let this = self.project();
        let _entered = this.context.clone().map(Context::attach);
        this.work.poll(cx)
    }
}

/// Starts a child of the request's span, if they are asked for.
pub(super) fn start_span(
    request: &RequestSpan,
    name: impl FnOnce() -> String,
    attributes: impl FnOnce() -> Vec<KeyValue>,
) -> Option<Context> {
    let server = request.0.server.as_ref()?;
    let tracer = server.tracer().filter(|_| server.options().extra_spans)?;
    let mut attributes = attributes();
    attributes.push(attribute(keys::HTTP_REQUEST_METHOD, request.method()));
    if let Some(route) = request.route() {
        attributes.push(attribute(keys::HTTP_ROUTE, route));
    }
    let builder =
        SpanBuilder::from_name(name()).with_kind(SpanKind::Internal).with_attributes(attributes);
    Some(tracer.start(builder, request.context()).0)
}

pub(super) fn end_span(context: &Context, attributes: &[KeyValue]) {
    let span = context.span();
    span.set_attributes(attributes.iter().cloned());
    span.end();
}
