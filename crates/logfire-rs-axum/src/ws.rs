//! `axum::extract::ws`, with WebSockets that belong to the span of their request.
//!
//! Change the one `use`, and the span covers the connection: spans and logs of its task are
//! children, messages are seen by `receive_hook`, `send_hook` and `record_send_receive`, the close
//! code is recorded, and a connection that breaks off is an error. The duration metric is recorded
//! when the connection is upgraded: a WebSocket is open for as long as anyone likes.
//!
//! ```
//! use axum::response::Response;
//! use axum::routing::any;
//! use logfire_rs_axum::ws::{WebSocket, WebSocketUpgrade};
//!
//! async fn upgrade(ws: WebSocketUpgrade) -> Response {
//!     ws.on_upgrade(echo)
//! }
//!
//! async fn echo(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         if socket.send(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//! # let app: axum::Router = axum::Router::new().route("/ws", any(upgrade));
//! ```

mod socket;

use std::borrow::Cow;
use std::future::Future;

use axum::extract::FromRequestParts;
use axum::extract::ws as axum_ws;
pub use axum::extract::ws::{
    CloseFrame, DefaultOnFailedUpgrade, Message, OnFailedUpgrade, Utf8Bytes, close_code, rejection,
};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use logfire_rs_core::{KeepOpen, RequestSpan, current_request};
use logfire_rs_tower::ws::InRequest;

use self::rejection::WebSocketUpgradeRejection;
pub use self::socket::WebSocket;

/// [`axum::extract::ws::WebSocketUpgrade`], which keeps the span of its request open.
#[derive(Debug)]
#[must_use]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    inner: axum_ws::WebSocketUpgrade<F>,
    request: Option<RequestSpan>,
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade<DefaultOnFailedUpgrade> {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Self, WebSocketUpgradeRejection> {
        let inner = axum_ws::WebSocketUpgrade::from_request_parts(parts, state).await?;
        Ok(Self { inner, request: current_request() })
    }
}

impl<F> WebSocketUpgrade<F> {
    /// See [`axum::extract::ws::WebSocketUpgrade::read_buffer_size`].
    pub fn read_buffer_size(self, size: usize) -> Self {
        self.map(|it| it.read_buffer_size(size))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::write_buffer_size`].
    pub fn write_buffer_size(self, size: usize) -> Self {
        self.map(|it| it.write_buffer_size(size))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::max_write_buffer_size`].
    pub fn max_write_buffer_size(self, max: usize) -> Self {
        self.map(|it| it.max_write_buffer_size(max))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::max_message_size`].
    pub fn max_message_size(self, max: usize) -> Self {
        self.map(|it| it.max_message_size(max))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::max_frame_size`].
    pub fn max_frame_size(self, max: usize) -> Self {
        self.map(|it| it.max_frame_size(max))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::accept_unmasked_frames`].
    pub fn accept_unmasked_frames(self, accept: bool) -> Self {
        self.map(|it| it.accept_unmasked_frames(accept))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::protocols`].
    pub fn protocols<I>(self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        self.map(|it| it.protocols(protocols))
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::requested_protocols`].
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.inner.requested_protocols()
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::set_selected_protocol`].
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.inner.set_selected_protocol(protocol);
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::selected_protocol`].
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.inner.selected_protocol()
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::on_failed_upgrade`].
    pub fn on_failed_upgrade<C: OnFailedUpgrade>(self, callback: C) -> WebSocketUpgrade<C> {
        WebSocketUpgrade { inner: self.inner.on_failed_upgrade(callback), request: self.request }
    }

    /// See [`axum::extract::ws::WebSocketUpgrade::on_upgrade`]; the span of the request stays open
    /// until `callback` is done and its socket is gone.
    #[must_use = "to set up the WebSocket connection, this response must be returned"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let request = self.request.as_ref();
        let (task, socket) = (KeepOpen::or_passing(request), request.and_then(KeepOpen::new));
        self.inner.on_upgrade(move |inner| {
            InRequest::new(Some(task), || callback(WebSocket::new(inner, socket)))
        })
    }

    fn map(
        self,
        set: impl FnOnce(axum_ws::WebSocketUpgrade<F>) -> axum_ws::WebSocketUpgrade<F>,
    ) -> Self {
        Self { inner: set(self.inner), request: self.request }
    }
}
