//! The future of a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use logfire_rs_core::{ClientRequest, ClientResponse, ClientSpan, HttpVersion, Peer};
use opentelemetry::Context;
use pin_project_lite::pin_project;
use reqwest::{Request, Response, Version};
use tower_service::Service;

use crate::carrier::{Lines, Outgoing};
use crate::{Client, error_type};

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
        Ready { call: Option<Call> },
        Sent { #[pin] answer: Answer, context: Context, span: Option<ClientSpan> },
        Failed { error: Option<reqwest::Error> },
    }
}

/// A request that is not sent yet.
struct Call {
    client: Client,
    request: Request,
    /// The context in which the caller made the request.
    made_in: Context,
}

impl Pending {
    pub(crate) fn new(client: Client, request: Request, made_in: Context) -> Self {
        let call = Some(Call { client, request, made_in });
        Self { state: State::Ready { call } }
    }

    pub(crate) fn failed(error: reqwest::Error) -> Self {
        Self { state: State::Failed { error: Some(error) } }
    }
}

impl Future for Pending {
    type Output = reqwest::Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        loop {
            let mut state = self.as_mut().project().state;
            let sent = match state.as_mut().project() {
                StateProjection::Ready { call } => match call.take() {
                    Some(call) => call.send(),
                    None => return Poll::Pending,
                },
                StateProjection::Sent { answer, context, span } => {
                    // The hooks of reqwest run in this poll: connector, resolver, redirect policy.
                    let _current = context.clone().attach();
                    let result = ready!(answer.poll(cx));
                    if let Some(span) = span.take() {
                        record(span, &result);
                    }
                    return Poll::Ready(result);
                }
                StateProjection::Failed { error } => {
                    return error.take().map_or(Poll::Pending, |it| Poll::Ready(Err(it)));
                }
            };
            state.set(sent);
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Ready { .. } => "ready",
            State::Sent { .. } => "sent",
            State::Failed { .. } => "failed",
        };
        f.debug_struct("Pending").field("state", &state).finish_non_exhaustive()
    }
}

impl Call {
    fn send(mut self) -> State {
        let span = self.client.instrumenter.start(
            &self.made_in,
            &ClientRequest {
                method: self.request.method().as_str(),
                url: self.request.url().as_str(),
                template: None,
                resend_count: 0,
                headers: &Lines(self.request.headers()),
            },
        );
        let context = match &span {
            Some(span) => {
                span.inject(&mut Outgoing(self.request.headers_mut()));
                span.context().clone()
            }
            None => self.made_in,
        };
        let _current = context.clone().attach();
        let answer = self.client.inner.call(self.request);
        State::Sent { answer, context, span }
    }
}

fn record(mut span: ClientSpan, result: &reqwest::Result<Response>) {
    match result {
        Ok(response) => span.record_response(&ClientResponse {
            status: response.status().as_u16(),
            version: version(response.version()),
            peer: response.remote_addr().map(Peer::Inet),
            headers: &Lines(response.headers()),
        }),
        Err(error) => {
            span.record_error(error_type::of(error), &error_type::WithoutUrls(error), error);
        }
    }
}

fn version(version: Version) -> Option<HttpVersion> {
    match version {
        Version::HTTP_09 => Some(HttpVersion::Http09),
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        Version::HTTP_3 => Some(HttpVersion::Http3),
        _ => None,
    }
}
