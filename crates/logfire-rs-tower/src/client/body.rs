//! The body of an answer, watched while it is read.

use std::fmt::{self, Display};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use logfire_rs_core::ClientBody;
use pin_project_lite::pin_project;

use crate::body::each_chunk;

pin_project! {
    /// The body of an answer to an instrumented request.
    ///
    /// It passes everything on as it is; size hint and end are those of the inner body.
    pub struct InstrumentedClientBody<B> {
        #[pin]
        inner: B,
        // Ends with the body, if anything of it is recorded.
        record: Option<Box<ClientBody>>,
    }
}

impl<B: Body> InstrumentedClientBody<B> {
    pub(super) fn new(inner: B, record: Option<ClientBody>) -> Self {
        let record = record.filter(|_| !inner.is_end_stream()).map(Box::new);
        Self { inner, record }
    }

    pub(super) fn unwatched(inner: B) -> Self {
        Self { inner, record: None }
    }
}

impl<B> fmt::Debug for InstrumentedClientBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("InstrumentedClientBody");
        debug.field("recorded", &self.record.is_some()).finish_non_exhaustive()
    }
}

impl<B> Body for InstrumentedClientBody<B>
where
    B: Body,
    B::Error: Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(record) = this.record.as_mut() {
            record.read();
        }
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(record), Some(data)) = (this.record.as_mut(), frame.data_ref()) {
                    watch(record, data);
                }
            }
            Some(Err(error)) => {
                if let Some(record) = this.record.take() {
                    record.error("response_body_error", error);
                }
            }
            None => {}
        }
        if frame.is_none() || this.inner.is_end_stream() {
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

fn watch(record: &mut ClientBody, data: &impl Buf) {
    each_chunk(data, |chunk| record.data(chunk));
}
