//! The body of an answer, watched while it is read.

use std::any::Any;
use std::fmt::{self, Display};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use logfire_rs_core::ClientBody;
use pin_project_lite::pin_project;

use super::Reading;
use super::future::Chain;
use crate::body::each_chunk;

pin_project! {
    /// The body of an answer to an instrumented request.
    ///
    /// It passes everything on as it is; size hint and end are those of the inner body.
    pub struct InstrumentedClientBody<B> {
        #[pin]
        inner: B,
        // Ends with the body, if anything of it is recorded.
        record: Option<Box<Record>>,
    }
}

struct Record {
    body: ClientBody,
    reading: Reading,
}

impl<B: Body> InstrumentedClientBody<B> {
    pub(super) fn new(inner: B, record: Option<ClientBody>, reading: Reading) -> Self {
        let record = record.filter(|_| !inner.is_end_stream());
        Self { inner, record: record.map(|body| Box::new(Record { body, reading })) }
    }

    pub(super) fn unwatched(inner: B) -> Self {
        Self { inner, record: None }
    }
}

/// For layers that answer by themselves, such as one that limits time.
impl<B: Default> Default for InstrumentedClientBody<B> {
    fn default() -> Self {
        Self { inner: B::default(), record: None }
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
    B::Error: Display + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(record) = this.record.as_mut() {
            record.body.read();
        }
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(record), Some(data)) = (this.record.as_mut(), frame.data_ref()) {
                    each_chunk(data, |chunk| record.body.data(chunk));
                }
            }
            Some(Err(error)) => {
                if let Some(record) = this.record.take() {
                    record.failed(error);
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

impl Record {
    /// The word of the client if it has one for `error`.
    fn failed<E: Display + 'static>(self, error: &E) {
        const OTHER: &str = "response_body_error";
        match (self.reading.as_error)(error as &dyn Any) {
            Some(found) => {
                let word = (self.reading.error_type)(found);
                let word = if word == "_OTHER" { OTHER } else { word };
                self.body.error(word, &Chain(found));
            }
            None => self.body.error(OTHER, error),
        }
    }
}
