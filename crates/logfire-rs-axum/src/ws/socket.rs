//! The WebSocket of axum, observed.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Error;
use axum::extract::ws as axum_ws;
use axum::extract::ws::{Message, close_code};
use axum::http::HeaderValue;
use futures_util::stream::FusedStream;
use futures_util::{Sink, SinkExt, Stream, StreamExt as _};
use logfire_rs_core::KeepOpen;
use logfire_rs_tower::ws::ObservedSocket;

/// [`axum::extract::ws::WebSocket`], which keeps the span of its request open.
#[derive(Debug)]
pub struct WebSocket(ObservedSocket<axum_ws::WebSocket, Message>);

impl WebSocket {
    pub(super) fn new(inner: axum_ws::WebSocket, request: Option<KeepOpen>) -> Self {
        Self(ObservedSocket::new(inner, request, |message| match message {
            Message::Close(frame) => Some(frame.as_ref().map_or(close_code::STATUS, |it| it.code)),
            _ => None,
        }))
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
        self.0.socket().protocol()
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.0.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_close_unpin(cx)
    }
}
