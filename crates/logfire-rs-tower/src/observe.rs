//! The way of a request's body past its hooks.

use std::task::{Context, Poll};

use http::Request;
use http_body::Body;
use logfire_rs_core::RequestBodyObserver;
use tower_layer::Layer;
use tower_service::Service;

use crate::{HttpServerLayer, HttpServerService, InstrumentedBody};

/// The layer of [`HttpServerLayer::observe_request_body`].
#[derive(Clone, Debug)]
pub struct ObservingHttpServerLayer(HttpServerLayer);

impl ObservingHttpServerLayer {
    pub(crate) fn new(layer: HttpServerLayer) -> Self {
        Self(layer)
    }
}

impl<S> Layer<S> for ObservingHttpServerLayer {
    type Service = HttpServerService<ObserveRequestBody<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(ObserveRequestBody { inner })
    }
}

/// Gives its inner service a request whose body is seen by hooks.
#[derive(Clone, Debug)]
pub struct ObserveRequestBody<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for ObserveRequestBody<S>
where
    S: Service<Request<InstrumentedBody<B>>>,
    B: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let observer = request.extensions_mut().remove::<RequestBodyObserver>();
        self.inner.call(request.map(|body| InstrumentedBody::request(body, observer)))
    }
}
