//! A WebSocket that shows its messages and its end to the span of its request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Error;
use axum::extract::ws as axum_ws;
use axum::extract::ws::{Message, close_code};
use axum::http::HeaderValue;
use futures_util::stream::FusedStream;
use futures_util::{Sink, SinkExt, Stream, StreamExt as _};
use logfire_rs_core::KeepOpen;

/// [`axum::extract::ws::WebSocket`], which keeps the span of its request open.
#[derive(Debug)]
pub struct WebSocket {
    inner: axum_ws::WebSocket,
    request: Option<KeepOpen>,
    /// Whether the end of the connection was recorded.
    closed: bool,
}

impl WebSocket {
    pub(super) fn new(inner: axum_ws::WebSocket, request: Option<KeepOpen>) -> Self {
        Self { inner, request, closed: false }
    }

    /// Receives the next message; `None` if the stream has ended.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        self.next().await
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// If the connection is closed or broken.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        SinkExt::send(self, message).await
    }

    /// The selected subprotocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&HeaderValue> {
        self.inner.protocol()
    }

    fn received(&mut self, message: &Message) {
        if let Some(request) = &mut self.request {
            request.received_message();
        }
        self.see_close(message);
    }

    /// The first close frame, of either side, is the one that counts.
    fn see_close(&mut self, message: &Message) {
        if let Message::Close(frame) = message {
            self.record_close(frame.as_ref().map_or(close_code::STATUS, |it| it.code));
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

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.inner.poll_next_unpin(cx));
        match &item {
            Some(Ok(message)) => self.received(message),
            Some(Err(_)) => self.record_close(close_code::ABNORMAL),
            None => {}
        }
        Poll::Ready(item)
    }
}

impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        if let Some(request) = &mut self.request {
            request.sent_message();
        }
        self.see_close(&message);
        self.inner.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.record_close(close_code::NORMAL);
        self.inner.poll_close_unpin(cx)
    }
}
