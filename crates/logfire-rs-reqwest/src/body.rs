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
    if let Some(buffer) = request.body().map_or(Some(&[][..]), Body::as_bytes) {
        return span.record_request_body(&Lines(request.headers()), buffer);
    }
    if let Some(counter) = span.request_body_counter() {
        let stream = request.body_mut();
        let record = Some(Record::Request(counter));
        *stream = stream.take().map(|inner| Body::wrap(Watched { inner, record }));
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
    let record = (!is_over(&inner)).then_some(Record::Response(Box::new(record)));
    let body = Body::wrap(Watched { inner, record });
    http::Response::from_parts(parts, body).into()
}

/// The decoders of reqwest pass on the length only.
fn is_over(body: &Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

enum Record {
    Request(RequestBodyCounter),
    Response(Box<ClientBody>),
}

pin_project! {
    /// A body that is counted or recorded until its end.
    struct Watched {
        #[pin]
        inner: Body,
        record: Option<Record>,
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<reqwest::Result<Frame<Bytes>>>> {
        let mut this = self.project();
        if let Some(Record::Response(response)) = this.record {
            response.read();
        }
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        match (&frame, this.record.as_mut()) {
            (Some(Err(error)), Some(Record::Response(_))) => {
                if let Some(Record::Response(response)) = this.record.take() {
                    response.error(error_type::of_body(error), &error_type::WithoutUrls(error));
                }
            }
            (Some(Ok(frame)), Some(record)) => match (frame.data_ref(), record) {
                (Some(data), Record::Request(counter)) => counter.add(data.len()),
                (Some(data), Record::Response(response)) => response.data(data),
                (None, _) => {}
            },
            _ => {}
        }
        // The reader of a body of known length need not ask for its end.
        if frame.is_none() || is_over(&this.inner) {
            *this.record = None;
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
