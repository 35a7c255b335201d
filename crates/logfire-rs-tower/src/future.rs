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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::{Ready, pending, poll_fn, ready};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;
    use std::task::Waker;

    use http::Request;
    use http_body_util::{Empty, Full};
    use logfire_rs_core::{HttpServerOptions, current_request};
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

    use super::*;
    use crate::HttpServerLayer;

    type Answer = Result<Response<Full<&'static [u8]>>, Infallible>;

    struct Recorded {
        layer: HttpServerLayer,
        exporter: InMemorySpanExporter,
    }

    impl Recorded {
        fn new() -> Self {
            let exporter = InMemorySpanExporter::default();
            let provider =
                SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
            let options = HttpServerOptions::default().env_lookup(|_| None).metrics(false);
            Self { layer: HttpServerLayer::new(options.tracer_provider(provider)), exporter }
        }

        /// The `error.type` of each span that has ended.
        fn errors(&self) -> Vec<String> {
            let spans = self.exporter.get_finished_spans().unwrap();
            let errors = spans.iter().map(|span| {
                let mut attributes = span.attributes.iter();
                let error = attributes.find(|it| it.key.as_str() == "error.type");
                error.map_or_else(String::new, |it| it.value.to_string())
            });
            errors.collect()
        }
    }

    /// Keeps whether there is a current request when it is dropped.
    struct Looks(Rc<Cell<bool>>);

    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.set(current_request().is_some());
        }
    }

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn answer(_: Request<()>) -> Ready<Answer> {
        ready(Ok(Response::new(Full::new(b"text"))))
    }

    #[test]
    fn whatever_becomes_of_a_request_that_is_started_its_span_ends_once() {
        let recorded = Recorded::new();
        let start = |request: &mut Request<()>| recorded.layer.start(request);
        let mut request = Request::new(());

        // Nobody answers; and what is started again, or recorded too, is one request.
        let span = start(&mut request);
        assert!(start(&mut request).is_idle());
        drop(recorded.layer.record(request, answer));
        assert_eq!(recorded.errors(), Vec::<String>::new());
        drop(span);
        assert_eq!(recorded.errors(), ["cancelled"]);

        // Dropped before it is polled: what it does then is work of the request.
        let seen = Rc::new(Cell::new(false));
        let looks = Looks(Rc::clone(&seen));
        let future = async move {
            let _looks = looks;
            pending::<Answer>().await
        };
        drop(ResponseFuture::new(future, start(&mut Request::new(()))));
        assert!(seen.get());
        assert_eq!(recorded.errors(), ["cancelled", "cancelled"]);

        // A future that answers as often as it is asked.
        let span = start(&mut Request::new(()));
        let mut future = ResponseFuture::new(
            poll_fn(|cx| Pin::new(&mut answer(Request::new(()))).poll(cx)),
            span,
        );
        let Poll::Ready(Ok(first)) = poll(&mut future) else { panic!("ready") };
        let Poll::Ready(Ok(second)) = poll(&mut future) else { panic!("ready") };
        drop(future);
        assert!(second.into_body().finished().is_ok());
        assert_eq!(recorded.errors().len(), 2);
        let mut body = first.into_body().finished().unwrap_err();
        assert_eq!(body.size_hint().exact(), Some(4));
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let Poll::Ready(Some(Ok(frame))) = poll(&mut Box::pin(frame)) else { panic!("ready") };
        assert_eq!(frame.into_data().unwrap(), b"text");
        assert_eq!(recorded.errors().len(), 3);
        assert!(body.is_end_stream() && body.finished().is_ok());
        assert_eq!(recorded.errors(), ["cancelled", "cancelled", ""]);

        // A panic goes on, and the future is dropped after it.
        let span = start(&mut Request::new(()));
        let mut future = ResponseFuture::new(poll_fn(|_| -> Poll<Answer> { panic!("x") }), span);
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut future).is_ready())).is_err());
        drop(future);
        assert_eq!(recorded.errors(), ["cancelled", "cancelled", "", "panic"]);
    }

    #[test]
    fn a_future_without_a_start_is_what_it_is_without_the_layer() {
        let empty = Response::new(Empty::<&[u8]>::new());
        let inner = ready(Ok::<_, Infallible>(empty));
        let mut future = ResponseFuture::new(inner, ServerSpan::idle());
        let Poll::Ready(Ok(response)) = poll(&mut future) else { panic!("ready") };
        assert!(response.headers().is_empty());
        assert!(response.into_body().finished().is_ok());
    }
}
