//! The span of the request as an argument of a handler.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use logfire_rs_core::current_request;

/// The span of the request, as an extractor.
///
/// It never fails: where nothing is recorded, it does nothing.
///
/// ```
/// use actix_web::{App, web};
/// use logfire_rs_actix_web::RequestSpan;
/// use logfire_rs_actix_web::core::opentelemetry::KeyValue;
///
/// async fn checkout(span: RequestSpan) -> &'static str {
///     span.set_attribute(KeyValue::new("cart.items", 3));
///     "done"
/// }
/// let app = App::new().route("/", web::post().to(checkout));
/// ```
#[derive(Clone, Debug)]
pub struct RequestSpan(logfire_rs_core::RequestSpan);

impl Deref for RequestSpan {
    type Target = logfire_rs_core::RequestSpan;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for RequestSpan {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(current_request().unwrap_or_else(logfire_rs_core::RequestSpan::none))))
    }
}
