//! Bodies that pass through, and are watched while they do.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use logfire_rs_core::{ClientBody, ClientSpan, RequestBodyCounter};
use pin_project_lite::pin_project;
use reqwest::{Body, Request, Response, ResponseBuilderExt as _};

use crate::carrier::Lines;
use crate::error_type;

/// Records a body that is there as a whole, and counts one that is a stream.
///
/// A buffer stays a buffer: wrapped, it could not be sent again after a redirect.
pub(crate) fn record_request(span: &mut ClientSpan, request: &mut Request) {
    let buffer = match request.body() {
        Some(body) => body.as_bytes(),
        None => Some(&[][..]),
    };
    if let Some(buffer) = buffer {
        return span.record_request_body(&Lines(request.headers()), buffer);
    }
    if let Some(counter) = span.request_body_counter() {
        let stream = request.body_mut();
        *stream = stream.take().map(|inner| Body::wrap(Counted { inner, counter }));
    }
}

/// The response with a body that tells `record` what is read of it.
pub(crate) fn watch_response(response: Response, record: ClientBody) -> Response {
    let url = response.url().clone();
    let (mut parts, inner) = http::Response::<Body>::from(response).into_parts();
    // The URL of a response is an extension that only reqwest's own builder can make.
    if let Ok(carrier) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(carrier.into_parts().0.extensions);
    }
    let record = (!is_over(&inner)).then_some(record);
    let body = Body::wrap(Watched { inner, record });
    http::Response::from_parts(parts, body).into()
}

/// The decoders of reqwest pass on the length only.
fn is_over(body: &Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

pin_project! {
    /// The body of a response.
    struct Watched {
        #[pin]
        inner: Body,
        record: Option<ClientBody>,
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let mut this = self.project();
        if let Some(record) = this.record {
            record.read();
        }
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(record), Some(data)) = (this.record.as_mut(), frame.data_ref()) {
                    record.data(data);
                }
                // The reader of a body of known length need not ask for its end.
                if is_over(&this.inner) {
                    this.record.take();
                }
            }
            Some(Err(error)) => {
                if let Some(record) = this.record.take() {
                    record.error(error_type::of(error), &error_type::WithoutUrls(error));
                }
            }
            None => drop(this.record.take()),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// The body of a request that is a stream.
    struct Counted {
        #[pin]
        inner: Body,
        counter: RequestBodyCounter,
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.counter.add(data.len());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
