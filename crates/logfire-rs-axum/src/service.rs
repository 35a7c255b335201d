//! The service of the layer: axum's own bodies on both sides, wrapped only where there is something
//! to see of them.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use logfire_rs_core::RequestBodyObserver;
use logfire_rs_tower::{HttpServerLayer, InstrumentedBody};
use pin_project_lite::pin_project;
use tower_service::Service;

/// The service of [`HttpServerLayer`](crate::HttpServerLayer).
#[derive(Clone, Debug)]
pub struct HttpServerService<S> {
    inner: S,
    layer: HttpServerLayer,
}

impl<S> HttpServerService<S> {
    pub(crate) fn new(inner: S, layer: HttpServerLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, B> Service<Request<Body>> for HttpServerService<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Display,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + Display,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let observes = self.layer.observes_request_bodies();
        let inner = self.layer.record(request, |mut request| {
            if observes {
                observe(&mut request);
            }
            self.inner.call(request)
        });
        ResponseFuture { inner }
    }
}

fn observe(request: &mut Request<Body>) {
    if let Some(observer) = request.extensions_mut().remove::<RequestBodyObserver>() {
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(InstrumentedBody::request(body, Some(observer)));
    }
}

pin_project! {
    /// The future of [`HttpServerService`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: logfire_rs_tower::ResponseFuture<F>,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Display,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + Display,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx))?;
        Poll::Ready(Ok(response.map(|body| match body.finished() {
            Ok(body) => Body::new(body),
            Err(body) => Body::new(body),
        })))
    }
}
