//! A body that keeps the span of its request open, or shows it what the application reads.

use std::fmt::Display;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use logfire_rs_core::{ClientRequestBody, Frame as Part, RequestBodyObserver, ServerSpan};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an instrumented request or response.
    ///
    /// That of a response ends the span with its last byte, or when it is dropped before. Size hint
    /// and end are those of the inner body.
    #[derive(Debug)]
    pub struct InstrumentedBody<B> {
        // Taken when it is dropped.
        #[pin]
        inner: Option<B>,
        role: Role,
    }

    impl<B> PinnedDrop for InstrumentedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What a stream does when its client has left belongs to the request.
            if let Role::Response(span) = this.role {
                let _entered = span.enter();
                this.inner.set(None);
            }
        }
    }
}

#[derive(Debug)]
enum Role {
    /// The span of the request goes on with its response.
    Response(ServerSpan),
    /// The application reads the request.
    Request(RequestBodyObserver),
    /// The client sends the request.
    Sent(Box<ClientRequestBody>),
    /// Nothing is left to record.
    Done,
}

impl<B: Body> InstrumentedBody<B> {
    pub(crate) fn response(inner: B, mut span: ServerSpan) -> Self {
        if inner.is_end_stream() {
            span.complete();
        }
        let done = span.is_idle() || span.is_complete();
        Self::new(inner, if done { Role::Done } else { Role::Response(span) })
    }

    /// The body of a request; `observer` is found in the extensions of the request, if anyone is
    /// interested.
    pub fn request(inner: B, observer: Option<RequestBodyObserver>) -> Self {
        if let Some(observer) = &observer {
            observer.received(0);
        }
        Self::new(inner, observer.map_or(Role::Done, Role::Request))
    }

    /// The body of a request that a client sends.
    pub(crate) fn sent(inner: B, record: Option<ClientRequestBody>) -> Self {
        let record = record.filter(|_| !inner.is_end_stream());
        Self::new(inner, record.map_or(Role::Done, |it| Role::Sent(Box::new(it))))
    }
}

impl<B> InstrumentedBody<B> {
    /// The inner body, if there is nothing left to record of it: it needs no wrapper.
    ///
    /// ```
    /// use logfire_rs_tower::InstrumentedBody;
    ///
    /// let nobody_is_interested = InstrumentedBody::request("text".to_owned(), None);
    /// assert_eq!(nobody_is_interested.finished().unwrap(), "text");
    /// ```
    ///
    /// # Errors
    ///
    /// `self`, if there is.
    pub fn finished(mut self) -> Result<B, Self> {
        match (&self.role, self.inner.take()) {
            (Role::Done, Some(inner)) => Ok(inner),
            (_, inner) => {
                self.inner = inner;
                Err(self)
            }
        }
    }

    /// A body of which nothing is recorded.
    pub(crate) fn plain(inner: B) -> Self {
        Self::new(inner, Role::Done)
    }

    fn new(inner: B, role: Role) -> Self {
        Self { inner: Some(inner), role }
    }
}

impl<B: Default> Default for InstrumentedBody<B> {
    fn default() -> Self {
        Self::plain(B::default())
    }
}

impl<B> Body for InstrumentedBody<B>
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
        let this = self.project();
        let Some(mut inner) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        let frame = match this.role {
            Role::Response(span) => {
                let frame = ready!(span.run(|| inner.as_mut().poll_frame(cx)));
                match &frame {
                    Some(Ok(frame)) => send(span, frame, inner.is_end_stream()),
                    Some(Err(error)) => span.record_body_error(error),
                    None => span.complete(),
                }
                if span.is_complete() {
                    *this.role = Role::Done;
                }
                frame
            }
            Role::Request(observer) => {
                let frame = ready!(inner.as_mut().poll_frame(cx));
                match &frame {
                    Some(Ok(frame)) => receive(observer, frame),
                    Some(Err(_)) => {}
                    None => observer.frame(&Part::End),
                }
                if frame.is_none() {
                    *this.role = Role::Done;
                }
                frame
            }
            Role::Sent(record) => {
                let frame = ready!(inner.as_mut().poll_frame(cx));
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    each_chunk(data, |chunk| record.data(chunk));
                }
                // What sends a body of known length need not ask for its end.
                if frame.is_none() || inner.is_end_stream() {
                    *this.role = Role::Done;
                }
                frame
            }
            Role::Done => ready!(inner.poll_frame(cx)),
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

fn send<D: Buf>(span: &mut ServerSpan, frame: &Frame<D>, is_end: bool) {
    if let Some(data) = frame.data_ref() {
        span.sent(data.remaining() as u64);
        if span.observes_response() {
            each_chunk(data, |chunk| span.response_frame(&Part::Data(chunk)));
        }
    } else if frame.is_trailers() {
        span.response_frame(&Part::Trailers);
    }
    if is_end || frame.is_trailers() {
        span.complete();
    }
}

fn receive<D: Buf>(observer: &RequestBodyObserver, frame: &Frame<D>) {
    if let Some(data) = frame.data_ref() {
        observer.received(data.remaining() as u64);
        if observer.observes_frames() {
            each_chunk(data, |chunk| observer.frame(&Part::Data(chunk)));
        }
    } else if frame.is_trailers() {
        observer.frame(&Part::Trailers);
    }
}

/// Most frames are one chunk of bytes; a `Buf` may hold several.
pub(crate) fn each_chunk(data: &impl Buf, mut visit: impl FnMut(&[u8])) {
    if data.chunk().len() == data.remaining() {
        return visit(data.chunk());
    }
    let mut chunks = vec![IoSlice::new(&[]); 16];
    let mut filled = data.chunks_vectored(&mut chunks);
    while filled == chunks.len() {
        chunks.resize(2 * filled, IoSlice::new(&[]));
        filled = data.chunks_vectored(&mut chunks);
    }
    chunks.iter().take(filled).for_each(|it| visit(it));
}
