//! The future of a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use logfire_rs_core::{ClientSpan, PerRequest};
use opentelemetry::Context;
use pin_project_lite::pin_project;
use reqwest::{Request, Response};
use tower_service::Service;

use crate::Client;
use crate::hops::{self, Hop};
use crate::recorder::{self, Recorder};

type Answer = <reqwest::Client as Service<Request>>::Future;

pin_project! {
    /// A request on its way: a future of the response.
    ///
    /// Its span starts when it is polled first, and ends with the head of the response. Dropped
    /// before that, the caller has given up, which is no error.
    #[must_use = "a request is sent when its future is awaited"]
    pub struct Pending {
        #[pin]
        state: State,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State {
        Ready { call: Option<reqwest::Result<Call>> },
        Recorded { #[pin] answer: Answer, span: Option<ClientSpan>, recorder: Recorder, hop: Option<Box<Hop>>, left: bool },
        Unrecorded { #[pin] answer: Answer, context: Context },
    }
}

/// A request that is not sent yet.
pub(crate) struct Call {
    pub(crate) client: Client,
    pub(crate) request: Request,
    pub(crate) settings: PerRequest,
    /// The context in which the caller made the request.
    pub(crate) made_in: Context,
    /// How many times it was sent before.
    pub(crate) resend_count: u32,
}

impl Pending {
    /// The future of `request`, or of the error that is in its place.
    pub(crate) fn new(
        client: Client,
        request: reqwest::Result<Request>,
        settings: PerRequest,
    ) -> Self {
        let made_in = Context::current();
        let call =
            request.map(|request| Call { client, request, settings, made_in, resend_count: 0 });
        Self { state: State::Ready { call: Some(call) } }
    }
}

impl Future for Pending {
    type Output = reqwest::Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        loop {
            let mut state = self.as_mut().project().state;
            let sent = match state.as_mut().project() {
                StateProjection::Ready { call } => match call.take() {
                    Some(Ok(call)) => call.send(),
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    None => return Poll::Pending,
                },
                StateProjection::Recorded { answer, span, recorder, hop, left } => {
                    // The hooks of reqwest run in this poll: connector, resolver, redirect policy.
                    let entered = span.as_mut().map(ClientSpan::enter);
                    let result = answer.poll(cx);
                    drop(entered);
                    *left |= hops::left();
                    let result = ready!(result);
                    match (result, span.take()) {
                        (Ok(response), Some(span)) => {
                            let hop = hop.take().filter(|_| *left);
                            let next = hop.and_then(|it| it.next(&response));
                            let response = recorder.answered(span, response);
                            match next {
                                Some(call) => call.send(),
                                None => return Poll::Ready(Ok(response)),
                            }
                        }
                        (Err(error), Some(span)) => {
                            recorder::failed(span, &error);
                            return Poll::Ready(Err(error));
                        }
                        (result, None) => return Poll::Ready(result),
                    }
                }
                StateProjection::Unrecorded { answer, context } => {
                    let suppressed = context.is_telemetry_suppressed();
                    let _current = suppressed.then(|| context.clone().attach());
                    return answer.poll(cx);
                }
            };
            state.set(sent);
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl Call {
    fn send(self) -> State {
        let hop = self.client.recorder.hops.then(|| Box::new(Hop::new(&self)));
        let Self { mut client, mut request, settings, made_in, resend_count } = self;
        let Some(span) = client.recorder.start(&made_in, &mut request, &settings, resend_count)
        else {
            return State::Unrecorded { answer: client.inner.call(request), context: made_in };
        };
        let answer = client.inner.call(request);
        State::Recorded { answer, span: Some(span), recorder: client.recorder, hop, left: false }
    }
}
