//! A body that keeps the span of its request open.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use logfire_rs_core::{Frame, ServerSpan};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an instrumented response.
    ///
    /// It ends the span with its last byte, or when it is dropped before. Its size is that of the
    /// inner body, and so are the bytes that it is made of at once.
    #[derive(Debug)]
    pub struct InstrumentedBody<B> {
        // Taken when it is dropped.
        #[pin]
        inner: Option<B>,
        // None when nothing is left to record.
        span: Option<ServerSpan>,
    }

    impl<B> PinnedDrop for InstrumentedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What a stream does when its client has left belongs to the request.
            if let Some(span) = this.span {
                let _entered = span.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<B: MessageBody> InstrumentedBody<B> {
    pub(crate) fn response(inner: B, mut span: ServerSpan) -> Self {
        let size = inner.size();
        let exact = match size {
            BodySize::None => Some(0),
            BodySize::Sized(size) => Some(size),
            BodySize::Stream => None,
        };
        // actix-web does not poll a body without bytes.
        span.expect_body(exact, size.is_eof());
        let done = span.is_idle() || span.is_complete();
        Self { inner: Some(inner), span: (!done).then_some(span) }
    }

    /// A connection that was upgraded: the span covers it, but its bytes are no body.
    pub(crate) fn connection(inner: B, span: ServerSpan) -> Self {
        Self { inner: Some(inner), span: Some(span) }
    }
}

impl<B: MessageBody> MessageBody for InstrumentedBody<B> {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.inner.as_ref().map_or(BodySize::None, MessageBody::size)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        let Some(span) = this.span else {
            return inner.poll_next(cx).map_err(Into::into);
        };
        let chunk = ready!(span.run(|| inner.poll_next(cx))).map(|it| it.map_err(Into::into));
        match &chunk {
            Some(Ok(bytes)) => send(span, bytes),
            Some(Err(error)) => span.record_body_error(error),
            None => span.complete(),
        }
        if !matches!(chunk, Some(Ok(_))) {
            *this.span = None;
        }
        Poll::Ready(chunk)
    }

    fn try_into_bytes(mut self) -> Result<Bytes, Self> {
        let Some(inner) = self.inner.take() else { return Err(self) };
        let mut span = self.span.take();
        match inner.try_into_bytes() {
            Ok(bytes) => {
                if let Some(span) = &mut span {
                    send(span, &bytes);
                    span.complete();
                }
                Ok(bytes)
            }
            Err(inner) => Err(Self { inner: Some(inner), span }),
        }
    }
}

fn send(span: &mut ServerSpan, bytes: &Bytes) {
    // The answer of an upgrade is complete with its head; what follows is the connection.
    if !span.is_complete() {
        span.sent(bytes.len() as u64);
        span.response_frame(&Frame::Data(bytes));
    }
}
