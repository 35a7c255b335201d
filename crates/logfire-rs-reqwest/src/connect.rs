//! Connections: the span of setting one up, and whether a request found one that was there.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use logfire_rs_core::{ClientSpan, HttpClientInstrumenter, Peer, PhaseSpan};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::error_type;

/// More connections than are set up at one time without being used.
const LIMIT: usize = 256;

/// A connection of TCP: its local and its remote end.
type Ends = (SocketAddr, SocketAddr);

/// The connections that are there, but that no request has used yet.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<VecDeque<(Ends, SpanContext)>>>);

impl Connections {
    /// Records on the span of a request which connection it went over.
    pub(crate) fn record(&self, span: &mut ClientSpan, response: &Extensions) {
        let Some(ends) = ends(response) else { return };
        let setup = {
            let mut new = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let found = new.iter().position(|it| it.0 == ends);
            found.and_then(|it| new.remove(it)).map(|it| it.1)
        };
        span.record_connection(setup);
    }

    fn add(&self, ends: Ends, setup: SpanContext) {
        let mut new = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The ends of a connection that was closed unused may come again.
        new.retain(|it| it.0 != ends);
        if new.len() >= LIMIT {
            new.pop_front();
        }
        new.push_back((ends, setup));
    }
}

fn ends(extensions: &Extensions) -> Option<Ends> {
    extensions.get::<HttpInfo>().map(|it| (it.local_addr(), it.remote_addr()))
}

/// Makes a span of each connection that is set up.
#[derive(Clone)]
pub(crate) struct ConnectionLayer {
    pub(crate) instrumenter: HttpClientInstrumenter,
    pub(crate) connections: Connections,
}

impl<S> Layer<S> for ConnectionLayer {
    type Service = ConnectionService<S>;

    fn layer(&self, inner: S) -> ConnectionService<S> {
        ConnectionService { inner, layer: self.clone() }
    }
}

/// A connector whose connections are recorded.
#[derive(Clone)]
pub(crate) struct ConnectionService<S> {
    inner: S,
    layer: ConnectionLayer,
}

impl<S, R> Service<R> for ConnectionService<S>
where
    S: Service<R>,
    S::Response: Connection,
    S::Error: AsRef<dyn std::error::Error + Send + Sync>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Connecting<S::Future>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let span = self.layer.instrumenter.connect();
        let connections = self.layer.connections.clone();
        let _current = span.as_ref().map(|it| it.context().clone().attach());
        Connecting { inner: self.inner.call(target), span, connections }
    }
}

pin_project! {
    /// A connection that is being set up.
    pub(crate) struct Connecting<F> {
        #[pin]
        inner: F,
        span: Option<PhaseSpan>,
        connections: Connections,
    }
}

impl<F, C, E> Future for Connecting<F>
where
    F: Future<Output = Result<C, E>>,
    C: Connection,
    E: AsRef<dyn std::error::Error + Send + Sync>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = {
            let _current = this.span.as_ref().map(|it| it.context().clone().attach());
            ready!(this.inner.poll(cx))
        };
        if let Some(mut span) = this.span.take() {
            match &result {
                Ok(connection) => {
                    let mut extensions = Extensions::new();
                    connection.connected().get_extras(&mut extensions);
                    let ends = ends(&extensions);
                    if let Some(ends) = ends {
                        let setup = span.context().span().span_context().clone();
                        this.connections.add(ends, setup);
                    }
                    span.connected(ends.map(|it| Peer::Inet(it.1)));
                }
                Err(error) => {
                    let error = error.as_ref();
                    let word = error_type::of_connecting(error);
                    span.failed(word, &error_type::WithoutUrls(error));
                }
            }
        }
        Poll::Ready(result)
    }
}
