//! The task of a connection, run as part of its request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use logfire_rs_core::KeepOpen;
use pin_project_lite::pin_project;

pin_project! {
    /// A future that is polled as the current request.
    pub(super) struct InRequest<F> {
        #[pin]
        inner: F,
        request: Option<KeepOpen>,
    }
}

impl<F> InRequest<F> {
    pub(super) fn new(inner: F, request: Option<KeepOpen>) -> Self {
        Self { inner, request }
    }
}

impl<F: Future<Output = ()>> Future for InRequest<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        match this.request {
            Some(request) => request.run(|| this.inner.poll(cx)),
            None => this.inner.poll(cx),
        }
    }
}
