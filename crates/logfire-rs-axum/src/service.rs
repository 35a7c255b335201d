//! The service of the layer: axum's own bodies on both sides, wrapped only where there is something
//! to see of them.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use logfire_rs_core::RequestBodyObserver;
use logfire_rs_tower::InstrumentedBody;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::HttpServerLayer;

/// The service of [`HttpServerLayer`].
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let HttpServerLayer { tower, is_lazy } = &self.layer;
        let mut span = tower.start(&mut request);
        // A layer of another kind around this one may ask, and cannot show the body itself.
        if tower.observes_request_bodies() || span.is_idle() {
            observe(&mut request);
        }
        let inner =
            if *is_lazy { self.inner.call(request) } else { span.run(|| self.inner.call(request)) };
        ResponseFuture { inner: logfire_rs_tower::ResponseFuture::new(inner, span) }
    }
}

fn observe(request: &mut Request<Body>) {
    if let Some(observer) = request.extensions_mut().remove::<RequestBodyObserver>() {
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = observed(body, Some(observer));
    }
}

/// `body`, shown to `observer`.
pub(crate) fn observed(body: Body, observer: Option<RequestBodyObserver>) -> Body {
    let body = InstrumentedBody::request(body, observer);
    Body::new(body.map_err(without_wrapper::<axum::Error>))
}

/// `Body::new` wraps each error once more, and axum looks into two of its wrappers for what went
/// wrong: a body that is too large would be a bad request.
fn without_wrapper<E: Into<BoxError>>(error: E) -> BoxError {
    match error.into().downcast::<axum::Error>() {
        Ok(wrapper) => wrapper.into_inner(),
        Err(error) => error,
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
            Err(body) => Body::new(body.map_err(without_wrapper)),
        })))
    }
}
