//! The layer and service of clients whose requests' bodies are seen.

use std::fmt::Display;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut span = self.layer.start(&mut request);
        let record = span.as_mut().and_then(|span| {
            let size = request.body().size_hint().exact();
            span.watch_request_body(&HttpHeaders(request.headers()), size)
        });
        let request = request.map(|body| InstrumentedBody::sent(body, record));
        self.layer.sent(span, || self.inner.call(request))
    }
}
