//! The layer and service of clients whose requests' bodies are seen.

use std::fmt::Display;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use logfire_rs_core::ClientSpan;
use tower_layer::Layer;
use tower_service::Service;

use super::{ClientResponseFuture, HttpClientLayer, InstrumentedClientBody};
use crate::InstrumentedBody;
use crate::headers::HttpHeaders;

/// The layer of [`HttpClientLayer::observe_request_body`].
#[derive(Clone, Debug)]
pub struct ObservingHttpClientLayer(HttpClientLayer);

impl ObservingHttpClientLayer {
    pub(super) fn new(layer: HttpClientLayer) -> Self {
        Self(layer)
    }
}

impl<S> Layer<S> for ObservingHttpClientLayer {
    type Service = ObservingHttpClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ObservingHttpClientService { inner, layer: self.0.clone() }
    }
}

/// The service of [`ObservingHttpClientLayer`].
#[derive(Clone, Debug)]
pub struct ObservingHttpClientService<S> {
    inner: S,
    layer: HttpClientLayer,
}

impl<S, B, R> Service<Request<B>> for ObservingHttpClientService<S>
where
    S: Service<Request<InstrumentedBody<B>>, Response = Response<R>>,
    S::Error: Display + 'static,
    B: Body,
    R: Body,
{
    type Response = Response<InstrumentedClientBody<R>>;
    type Error = S::Error;
    type Future = ClientResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let look = |span: &mut ClientSpan, request: Request<B>| {
            let size = request.body().size_hint().exact();
            let record = span.watch_request_body(&HttpHeaders(request.headers()), size);
            request.map(|body| InstrumentedBody::sent(body, record))
        };
        let pass = |request: Request<B>| request.map(|body| InstrumentedBody::sent(body, None));
        self.layer.exchange(request, look, pass, |request| self.inner.call(request))
    }
}
