//! A call of an endpoint.

use std::fmt;
use std::future::Future;

use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt as _};

use super::capture::ErrorText;
use super::extraction::{Within, limits, start_span, with_record};
use super::record::{self, Record};
use super::{Captured, Endpoint, EndpointInfo, EndpointLimits};
use crate::current::recorded_request;
use crate::request_span::RequestSpan;
use crate::{attributes, diagnostics, redaction};

/// A call of an endpoint; when it goes, however the call ends, the time is noted.
pub struct EndpointCall(Option<Call>);

struct Call {
    request: RequestSpan,
    info: &'static EndpointInfo,
    /// The span of the function, if there is to be one.
    context: Option<Context>,
    returned: bool,
}

impl EndpointCall {
    /// Begins the call of `E`.
    ///
    /// A call by another endpoint of the same request is not recorded, nor is one that belongs to
    /// no request, such as a test's.
    #[must_use]
    pub fn begin<E: Endpoint>() -> Self {
        Self(recorded_request().and_then(|request| {
            let mut notes = request.0.notes();
            Record::claim_call::<E>(&mut notes.endpoint)?;
            notes.take_body();
            drop(notes);
            Some(Call { request, info: E::INFO, context: None, returned: false })
        }))
    }

    /// How much of the values of arguments is of interest; `None` if they are of none.
    #[must_use]
    pub fn limits(&self) -> Option<EndpointLimits> {
        self.0.as_ref().map(|it| limits(&it.request))
    }

    /// Keeps the value of an argument.
    pub fn argument(&self, index: usize, captured: Captured) {
        if let Some(call) = &self.0
            && let Some(argument) = call.info.arguments.get(index)
        {
            let limits = limits(&call.request);
            with_record(&call.request, |it| it.keep(argument, captured, limits));
        }
    }

    /// Runs the function; what it makes is a child of its span.
    pub fn run<T: Future>(&mut self, function: T) -> impl Future<Output = T::Output> + use<T> {
        Within::new(self.start(), function)
    }

    /// Runs a function that is not async.
    pub fn run_now<T>(&mut self, function: impl FnOnce() -> T) -> T {
        let _entered = self.start().map(Context::attach);
        function()
    }

    /// The function has returned; `error` is that of its result.
    pub fn returned(mut self, error: ErrorText<'_>) {
        let Some(call) = &mut self.0 else { return };
        call.returned = true;
        with_record(&call.request, Record::end_function);
        let Some((error_type, text)) = error else { return };
        let text = text.map(diagnostics::display).unwrap_or_default();
        if let Some(context) = &call.context {
            let event = attributes::exception(error_type, redaction::mask_text(&text));
            context.span().add_event(attributes::EXCEPTION, event);
        }
        call.request.record_error(error_type, &text);
    }

    fn start(&mut self) -> Option<Context> {
        let call = self.0.as_mut()?;
        record::publish(&call.request);
        let (request, info) = (&call.request, call.info);
        let name = || {
            let function = info.name.rsplit("::").next().unwrap_or(info.name);
            let method = request.0.method.span_name();
            match request.route() {
                Some(route) => format!("{method} {route} ({function})"),
                None => format!("{method} ({function})"),
            }
        };
        let context = start_span(request, name, || record::code(info).into());
        with_record(request, Record::begin_function);
        call.context.clone_from(&context);
        context
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.returned {
            with_record(&self.request, Record::end_function);
        }
        if let Some(context) = &self.context {
            if std::thread::panicking() {
                context.span().set_status(Status::error("panic"));
            }
            context.span().end();
        }
    }
}

impl fmt::Debug for EndpointCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|it| it.info.name);
        f.debug_struct("EndpointCall").field("name", &name).finish_non_exhaustive()
    }
}
