//! The answer to a request, while the connection that it goes over is watched.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Extensions, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::CaptureConnection;
use logfire_rs_core::HttpConnection;

/// The future of hyper-util's client.
pub struct Answer {
    inner: legacy::ResponseFuture,
    /// Where it is told of the connection, until it is.
    captured: Option<CaptureConnection>,
}

impl Answer {
    pub(super) fn new(inner: legacy::ResponseFuture, captured: Option<CaptureConnection>) -> Self {
        Self { inner, captured }
    }
}

impl Future for Answer {
    type Output = Result<Response<Incoming>, legacy::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.inner).poll(cx);
        if let Some(captured) = &self.captured {
            let mut extensions = Extensions::new();
            if let Some(connected) = captured.connection_metadata().as_ref() {
                connected.get_extras(&mut extensions);
            }
            // The client may have sent the request again, over another connection.
            if let Poll::Ready(Ok(response)) = &result {
                used(response.extensions());
            } else if used(&extensions) {
                self.captured = None;
            }
        }
        result
    }
}

fn used(extensions: &Extensions) -> bool {
    let connection = extensions.get::<HttpConnection>();
    connection.map(HttpConnection::used).is_some()
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
