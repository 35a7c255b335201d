//! The future of a response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use logfire_rs_core::ServerSpan;
use pin_project_lite::pin_project;

use crate::InstrumentedBody;
use crate::error_type;
use crate::headers::ActixHeaders;
use crate::likely::pattern;

pin_project! {
    /// The future of [`HttpServerService`](crate::HttpServerService).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // Taken when it is dropped.
        #[pin]
        inner: Option<F>,
        // Taken when the response is there.
        span: Option<ServerSpan>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What a cancelled handler does with its last breath belongs to the request.
            if let Some(span) = this.span {
                let _entered = span.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, span: ServerSpan) -> Self {
        Self { inner: Some(inner), span: Some(span) }
    }
}

impl<F, B> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<InstrumentedBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let mut span = this.span.take().unwrap_or_else(ServerSpan::idle);
        let Poll::Ready(result) = span.run(|| inner.poll(cx)) else {
            *this.span = Some(span);
            return Poll::Pending;
        };
        Poll::Ready(match result {
            Ok(mut response) => {
                record(&mut span, &response);
                announce_trace(&span, response.headers_mut());
                // actix-web sends an upgraded connection as the body of its 101.
                let wrap = match response.status() {
                    StatusCode::SWITCHING_PROTOCOLS => InstrumentedBody::connection,
                    _ => InstrumentedBody::response,
                };
                Ok(response.map_body(|_, body| wrap(body, span)))
            }
            Err(error) => {
                record_unanswered(&mut span, &error);
                Err(error)
            }
        })
    }
}

fn record<B>(span: &mut ServerSpan, response: &ServiceResponse<B>) {
    if span.request_span().is_none() {
        return;
    }
    let not_found = response.status() == StatusCode::NOT_FOUND;
    span.settle_route(pattern(response.request(), not_found).as_deref());
    if let Some(error) = response.response().error() {
        error_type::record(span, error);
    }
    span.record_response(response.status().as_u16(), &ActixHeaders(response.headers()));
}

/// A middleware gave up; actix-web makes an answer of its error further out.
///
/// The error is not asked for that answer: it would be made twice, with its side effects.
fn record_unanswered(span: &mut ServerSpan, error: &Error) {
    if span.request_span().is_none() {
        return;
    }
    error_type::record(span, error);
    let status = error.as_response_error().status_code();
    span.record_response(status.as_u16(), &ActixHeaders(&HeaderMap::new()));
    span.complete();
}

fn announce_trace(span: &ServerSpan, headers: &mut HeaderMap) {
    let Some(announcement) = span.trace_response() else { return };
    for (name, value) in announcement.headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
}
