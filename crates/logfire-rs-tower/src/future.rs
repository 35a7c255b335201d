//! The future of a response.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use http_body::Body;
use logfire_rs_core::ServerSpan;
use pin_project_lite::pin_project;

use crate::InstrumentedBody;
use crate::headers::HttpHeaders;

pin_project! {
    /// The future of [`HttpServerService`](crate::HttpServerService), and of whatever else answers.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // Taken when it is dropped.
        #[pin]
        inner: Option<F>,
        // Taken when the response is there; none if nothing is recorded.
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
    /// The answer of `inner` to the request of `span`, which is the current one while it is polled.
    pub fn new(inner: F, span: ServerSpan) -> Self {
        Self { inner: Some(inner), span: (!span.is_idle()).then_some(span) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: Display,
{
    type Output = Result<Response<InstrumentedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Pending };
        let Some(span) = this.span else {
            let response = ready!(inner.poll(cx))?;
            return Poll::Ready(Ok(response.map(InstrumentedBody::plain)));
        };
        let result = ready!(span.run(|| inner.poll(cx)));
        let mut span = this.span.take().unwrap_or_else(ServerSpan::idle);
        Poll::Ready(match result {
            Ok(mut response) => {
                span.expect_body(response.body().size_hint().exact(), false);
                span.record_response(response.status().as_u16(), &HttpHeaders(response.headers()));
                announce_trace(&span, response.headers_mut());
                Ok(response.map(|body| InstrumentedBody::response(body, span)))
            }
            Err(error) => {
                span.record_error("_OTHER", &error);
                Err(error)
            }
        })
    }
}

fn announce_trace(span: &ServerSpan, headers: &mut HeaderMap) {
    let Some(announcement) = span.trace_response() else { return };
    for (name, value) in announcement.headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
}
