//! The future of an answer.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use logfire_rs_core::{ClientResponse, ClientSpan, Peer, display};
use pin_project_lite::pin_project;

use super::{InstrumentedClientBody, Reading};
use crate::headers::HttpHeaders;
use crate::layer::version;

pin_project! {
    /// The future of [`HttpClientService`](crate::HttpClientService).
    pub struct ClientResponseFuture<F> {
        #[pin]
        inner: F,
        span: Option<ClientSpan>,
        reading: Reading,
    }
}

impl<F> ClientResponseFuture<F> {
    pub(super) fn new(inner: F, span: Option<ClientSpan>, reading: Reading) -> Self {
        Self { inner, span, reading }
    }
}

impl<F> fmt::Debug for ClientResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ClientResponseFuture");
        debug.field("span", &self.span).finish_non_exhaustive()
    }
}

impl<F, R, E> Future for ClientResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: Display + 'static,
{
    type Output = Result<Response<InstrumentedClientBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.span.as_mut().map(ClientSpan::enter);
        let polled = this.inner.poll(cx);
        drop(entered);
        let result = ready!(polled);
        let Some(span) = this.span.take() else {
            return Poll::Ready(result.map(|it| it.map(InstrumentedClientBody::unwatched)));
        };
        Poll::Ready(match result {
            Ok(response) => Ok(answered(response, span, *this.reading)),
            Err(error) => {
                failed(&error, span, *this.reading);
                Err(error)
            }
        })
    }
}

fn answered<R: Body>(
    response: Response<R>,
    mut span: ClientSpan,
    reading: Reading,
) -> Response<InstrumentedClientBody<R>> {
    let head = ClientResponse {
        status: response.status().as_u16(),
        url: None,
        version: version(response.version()),
        peer: (reading.peer)(response.extensions()).map(Peer::Inet),
        headers: &HttpHeaders(response.headers()),
    };
    span.record_response(&head);
    let body = span.into_body(&head);
    response.map(|inner| InstrumentedClientBody::new(inner, body, reading))
}

fn failed<E: Display + 'static>(error: &E, mut span: ClientSpan, reading: Reading) {
    match (reading.as_error)(error as &dyn Any) {
        Some(found) => span.record_error((reading.error_type)(found), &Chain(found), found),
        None => {
            // An error that fails to say what it is, is recorded all the same.
            let text = display(error);
            span.record_error("_OTHER", &text, &Unknown(text.clone()));
        }
    }
}

/// The texts of an error and its sources.
pub(super) struct Chain<'a>(pub(super) &'a (dyn Error + 'static));

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

/// What a hook gets for an error that is none of the standard kind.
#[derive(Debug)]
struct Unknown(String);

impl Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unknown {}
