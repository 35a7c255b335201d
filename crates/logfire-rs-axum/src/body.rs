//! The way of a request's body past its hooks, without a change of the request's type.

use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::Request;
use logfire_rs_core::RequestBodyObserver;
use logfire_rs_tower::InstrumentedBody;
use tower_service::Service;

/// Wraps the body of a request where hooks or options want to see it.
#[derive(Clone, Debug)]
pub struct ObserveRequestBody<S>(S);

impl<S> ObserveRequestBody<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S> Service<Request<Body>> for ObserveRequestBody<S>
where
    S: Service<Request<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        if let Some(observer) = request.extensions_mut().remove::<RequestBodyObserver>() {
            let body = std::mem::take(request.body_mut());
            *request.body_mut() = Body::new(InstrumentedBody::request(body, Some(observer)));
        }
        self.0.call(request)
    }
}
