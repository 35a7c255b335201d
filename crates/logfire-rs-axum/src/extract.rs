//! The span of the request as an argument of a handler.

use std::convert::Infallible;
use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use logfire_rs_core::current_request;

/// The span of the request, as an extractor.
///
/// It never rejects: where nothing is recorded, it does nothing.
///
/// ```
/// use logfire_rs_axum::RequestSpan;
/// use logfire_rs_axum::core::opentelemetry::KeyValue;
///
/// async fn checkout(span: RequestSpan) -> &'static str {
///     span.set_attribute(KeyValue::new("cart.items", 3));
///     "done"
/// }
/// # let app: axum::Router = axum::Router::new().route("/", axum::routing::get(checkout));
/// ```
#[derive(Clone, Debug)]
pub struct RequestSpan(logfire_rs_core::RequestSpan);

impl Deref for RequestSpan {
    type Target = logfire_rs_core::RequestSpan;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for RequestSpan {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(current_request().unwrap_or_else(logfire_rs_core::RequestSpan::none)))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for RequestSpan {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(current_request().map(Self))
    }
}
