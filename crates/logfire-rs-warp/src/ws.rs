//! `warp::ws`, with WebSockets that belong to the span of their request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use logfire_rs_core::{KeepOpen, RequestSpan, current_request};
use logfire_rs_tower::ws::{InRequest, ObservedSocket};
use warp::ws::Message;
use warp::{Error, Filter, Rejection, Reply};

/// [`warp::ws()`], whose connection belongs to the span of its request.
///
/// The span covers the connection: spans and logs of its task are children, messages are seen by
/// `receive_hook`, `send_hook` and `record_send_receive`, the close code is recorded, and a
/// connection that breaks off is an error. The duration metric is recorded when the connection is
/// upgraded.
///
/// ```
/// use futures_util::{FutureExt as _, StreamExt as _};
/// use logfire_rs_warp::{Ws, path, ws};
/// use warp::Filter;
///
/// let echo = path!("echo").and(ws()).map(|ws: Ws| {
///     ws.on_upgrade(|socket| {
///         let (sender, receiver) = socket.split();
///         receiver.forward(sender).map(|_| ())
///     })
/// });
/// let service = logfire_rs_warp::instrument(echo);
/// ```
pub fn ws() -> impl Filter<Extract = (Ws,), Error = Rejection> + Copy {
    warp::ws().map(|inner| Ws { inner, request: current_request() })
}

/// [`warp::ws::Ws`], which keeps the span of its request open.
#[derive(Debug)]
pub struct Ws {
    inner: warp::ws::Ws,
    request: Option<RequestSpan>,
}

impl Ws {
    /// See [`warp::ws::Ws::on_upgrade`]; the span of the request stays open until `func` is done and
    /// its socket is gone.
    pub fn on_upgrade<F, U>(self, func: F) -> impl Reply
    where
        F: FnOnce(WebSocket) -> U + Send + 'static,
        U: Future<Output = ()> + Send + 'static,
    {
        let request = self.request.as_ref();
        let (task, socket) = (KeepOpen::or_passing(request), request.and_then(KeepOpen::new));
        let task = Some(task);
        self.inner
            .on_upgrade(move |inner| InRequest::new(task, || func(WebSocket::new(inner, socket))))
    }

    /// See [`warp::ws::Ws::max_write_buffer_size`].
    #[must_use]
    pub fn max_write_buffer_size(self, max: usize) -> Self {
        Self { inner: self.inner.max_write_buffer_size(max), ..self }
    }

    /// See [`warp::ws::Ws::max_message_size`].
    #[must_use]
    pub fn max_message_size(self, max: usize) -> Self {
        Self { inner: self.inner.max_message_size(max), ..self }
    }

    /// See [`warp::ws::Ws::max_frame_size`].
    #[must_use]
    pub fn max_frame_size(self, max: usize) -> Self {
        Self { inner: self.inner.max_frame_size(max), ..self }
    }
}

/// [`warp::ws::WebSocket`], which keeps the span of its request open.
#[derive(Debug)]
pub struct WebSocket(ObservedSocket<warp::ws::WebSocket, Message>);

impl WebSocket {
    fn new(inner: warp::ws::WebSocket, request: Option<KeepOpen>) -> Self {
        // A close frame without a code has the code that stands for none.
        const NO_CODE: u16 = 1005;
        Self(ObservedSocket::new(inner, request, |message| {
            message.is_close().then(|| message.close_frame().map_or(NO_CODE, |it| it.0))
        }))
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
