//! A connector whose connections are recorded.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Extensions, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpInfo};
use logfire_rs_core::{HttpClientInstrumenter, OpenConnection, Peer, PhaseSpan};
use opentelemetry::ContextGuard;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::error_type;

/// The connector of [`instrument_client_builder`](crate::instrument_client_builder).
#[derive(Clone)]
pub struct InstrumentedConnector<C> {
    inner: C,
    instrumenter: HttpClientInstrumenter,
}

impl<C> InstrumentedConnector<C> {
    pub(super) fn new(inner: C, instrumenter: HttpClientInstrumenter) -> Self {
        Self { inner, instrumenter }
    }
}

impl<C> fmt::Debug for InstrumentedConnector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentedConnector").finish_non_exhaustive()
    }
}

impl<C> Service<Uri> for InstrumentedConnector<C>
where
    C: Service<Uri>,
    C::Response: Connection,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = InstrumentedConnection<C::Response>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Connecting<C::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let span = self.instrumenter.connect();
        let inner = {
            let _current = attach(span.as_ref());
            self.inner.call(uri.clone())
        };
        Connecting { inner, span, uri, instrumenter: self.instrumenter.clone() }
    }
}

fn attach(span: Option<&PhaseSpan>) -> Option<ContextGuard> {
    span.map(|it| it.context().clone().attach())
}

pin_project! {
    /// A connection that is being set up.
    pub struct Connecting<F> {
        #[pin]
        inner: F,
        span: Option<PhaseSpan>,
        uri: Uri,
        instrumenter: HttpClientInstrumenter,
    }
}

impl<F> fmt::Debug for Connecting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").field("span", &self.span).finish_non_exhaustive()
    }
}

impl<F, T, E> Future for Connecting<F>
where
    F: Future<Output = Result<T, E>>,
    T: Connection,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<InstrumentedConnection<T>, Box<dyn Error + Send + Sync>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _current = attach(this.span.as_ref());
            ready!(this.inner.poll(cx))
        };
        let mut span = this.span.take();
        Poll::Ready(match result {
            Ok(inner) => {
                let connected = inner.connected();
                let mut extensions = Extensions::new();
                connected.get_extras(&mut extensions);
                let peer = extensions.get::<HttpInfo>().map(|it| Peer::Inet(it.remote_addr()));
                let (scheme, authority) = (this.uri.scheme_str(), this.uri.authority());
                let (scheme, authority) =
                    (scheme.unwrap_or("http"), authority.map_or("", |it| it.as_str()));
                let is_http2 = connected.is_negotiated_h2();
                let open = this.instrumenter.connected(scheme, authority, is_http2, span.as_ref());
                if let Some(span) = &mut span {
                    span.connected(peer);
                }
                Ok(InstrumentedConnection { inner, open })
            }
            Err(error) => {
                let error = error.into();
                if let Some(span) = &mut span {
                    span.failed(error_type::of_connecting(&*error), &error);
                }
                Err(error)
            }
        })
    }
}

pin_project! {
    /// A connection that is counted as long as it is open.
    pub struct InstrumentedConnection<T> {
        #[pin]
        inner: T,
        open: Option<OpenConnection>,
    }
}

impl<T> fmt::Debug for InstrumentedConnection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentedConnection").finish_non_exhaustive()
    }
}

impl<T: Connection> Connection for InstrumentedConnection<T> {
    fn connected(&self) -> Connected {
        let connected = self.inner.connected();
        match &self.open {
            Some(open) => connected.extra(open.handle()),
            None => connected,
        }
    }
}

impl<T: Read> Read for InstrumentedConnection<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buffer)
    }
}

impl<T: Write> Write for InstrumentedConnection<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, data)
    }
}
