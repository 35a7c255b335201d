//! What the WebSockets of frameworks have in common, for the crates of frameworks.
//!
//! The span of the request stays open for the connection: an [`InRequest`] runs the connection's
//! task as part of it, and an [`ObservedSocket`] shows it messages and the way it was closed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::FusedStream;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use logfire_rs_core::KeepOpen;
use pin_project_lite::pin_project;

/// The status code of a connection that ended without a close frame.
const ABNORMAL: u16 = 1006;

/// The status code of an end that the application asked for.
const NORMAL: u16 = 1000;

pin_project! {
    /// A future that is polled as the current request, and keeps its span open.
    #[derive(Debug)]
    pub struct InRequest<F> {
        #[pin]
        inner: F,
        request: Option<KeepOpen>,
    }
}

impl<F> InRequest<F> {
    /// Makes the future as the current request, and runs it so.
    pub fn new(mut request: Option<KeepOpen>, make: impl FnOnce() -> F) -> Self {
        let inner = match &mut request {
            Some(request) => request.run(make),
            None => make(),
        };
        Self { inner, request }
    }
}

impl<F: Future> Future for InRequest<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.request {
            Some(request) => request.run(|| this.inner.poll(cx)),
            None => this.inner.poll(cx),
        }
    }
}

/// A WebSocket that shows its messages and its end to the span of its request.
#[derive(Debug)]
pub struct ObservedSocket<S, M> {
    inner: S,
    request: Option<KeepOpen>,
    /// The status code of a message that closes the connection.
    close_code: fn(&M) -> Option<u16>,
    /// Whether the end of the connection was recorded.
    closed: bool,
}

impl<S, M> ObservedSocket<S, M> {
    /// Observes `inner`; `close_code` tells a close frame from other messages.
    pub fn new(inner: S, request: Option<KeepOpen>, close_code: fn(&M) -> Option<u16>) -> Self {
        Self { inner, request, close_code, closed: false }
    }

    /// The socket of the framework.
    pub fn socket(&self) -> &S {
        &self.inner
    }

    /// The first close frame, of either side, is the one that counts.
    fn see_close(&mut self, message: &M) {
        if let Some(code) = (self.close_code)(message) {
            self.record_close(code);
        }
    }

    fn record_close(&mut self, code: u16) {
        if !std::mem::replace(&mut self.closed, true)
            && let Some(request) = &self.request
        {
            request.record_close(code);
        }
    }
}

impl<S, M, E> Stream for ObservedSocket<S, M>
where
    S: Stream<Item = Result<M, E>> + Unpin,
{
    type Item = Result<M, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.inner.poll_next_unpin(cx));
        match &item {
            Some(Ok(message)) => {
                if let Some(request) = &mut self.request {
                    request.received_message();
                }
                self.see_close(message);
            }
            Some(Err(_)) => self.record_close(ABNORMAL),
            None => {}
        }
        Poll::Ready(item)
    }
}

impl<S, M, E> FusedStream for ObservedSocket<S, M>
where
    S: FusedStream<Item = Result<M, E>> + Unpin,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<S, M> Sink<M> for ObservedSocket<S, M>
where
    S: Sink<M> + Unpin,
{
    type Error = S::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: M) -> Result<(), S::Error> {
        if let Some(request) = &mut self.request {
            request.sent_message();
        }
        self.see_close(&message);
        self.inner.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.record_close(NORMAL);
        self.inner.poll_close_unpin(cx)
    }
}
