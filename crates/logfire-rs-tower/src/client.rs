//! The layer that makes a span of each request that a client sends, and its service.

mod body;
mod errors;
mod future;
mod observe;

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, Request, Response};
use http_body::Body;
use logfire_rs_core::{
    ClientRequest, ClientSpan, HttpClientInstrumenter, HttpClientOptions, OutgoingHeaders,
    PerRequest, RequestSpan,
};
use opentelemetry::propagation::Injector;
use tower_layer::Layer;
use tower_service::Service;

pub use self::body::InstrumentedClientBody;
pub use self::future::ClientResponseFuture;
pub use self::observe::{ObservingHttpClientLayer, ObservingHttpClientService};
use crate::headers::{HttpHeaders, known};

/// Makes a span of each request that a tower client sends, and sends the trace context along.
///
/// The settings of one request are a [`PerRequest`] in its extensions.
///
/// ```
/// use http::Request;
/// use logfire_rs_core::{HttpClientOptions, PerRequest};
/// use logfire_rs_tower::HttpClientLayer;
///
/// let layer = HttpClientLayer::new(HttpClientOptions::default());
/// let stack = tower::ServiceBuilder::new().layer(layer);
///
/// let mut request = Request::new("body");
/// request.extensions_mut().insert(PerRequest::default().url_template("/users/{id}"));
/// ```
#[derive(Clone)]
pub struct HttpClientLayer {
    instrumenter: HttpClientInstrumenter,
    reading: Reading,
    on_request: Option<Arc<OnRequest>>,
}

type OnRequest = dyn Fn(&RequestSpan, &Extensions) + Send + Sync;

/// How the errors and the answers of a client are read.
#[derive(Clone, Copy)]
struct Reading {
    as_error: fn(&dyn Any) -> Option<&(dyn Error + 'static)>,
    error_type: fn(&(dyn Error + 'static)) -> &'static str,
    peer: fn(&Extensions) -> Option<SocketAddr>,
}

impl HttpClientLayer {
    /// A layer that records what `options` say; its environment key is `TOWER_CLIENT`.
    ///
    /// ```
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions};
    ///
    /// let options = HttpClientOptions::default().capture_response_headers(["retry-after"]);
    /// let stack = tower::ServiceBuilder::new().layer(HttpClientLayer::new(options));
    /// ```
    #[must_use]
    pub fn new(options: HttpClientOptions) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self::for_adapter(name, version, "TOWER_CLIENT", options)
    }

    /// A layer that reports as the instrumentation library `name` and has the environment key
    /// `key`; for the crates of clients that are built on tower.
    ///
    /// ```
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions};
    ///
    /// let options = HttpClientOptions::default();
    /// let layer = HttpClientLayer::for_adapter("my-adapter", "1.0.0", "MY_CLIENT", options);
    /// ```
    #[must_use]
    pub fn for_adapter(
        name: &'static str,
        version: &'static str,
        key: &str,
        options: HttpClientOptions,
    ) -> Self {
        let instrumenter = HttpClientInstrumenter::new(name, version, key, options);
        let (as_error, error_type) = (errors::boxed, errors::of);
        let reading = Reading { as_error, error_type, peer: |_| None };
        Self { instrumenter, reading, on_request: None }
    }

    /// What makes the spans; for the connections of the client.
    #[must_use]
    pub fn instrumenter(&self) -> &HttpClientInstrumenter {
        &self.instrumenter
    }

    /// How the errors of the client become one of few words. By default boxed errors are understood
    /// as far as their `io::Error` goes.
    ///
    /// `as_error` finds the error in a value of the service's own error type, or of that of the
    /// bodies of its answers.
    ///
    /// ```
    /// use std::error::Error;
    /// use std::fmt;
    ///
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions};
    ///
    /// #[derive(Debug)]
    /// struct PoolIsEmpty;
    ///
    /// impl fmt::Display for PoolIsEmpty {
    ///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    ///         f.write_str("no connection is free")
    ///     }
    /// }
    ///
    /// impl Error for PoolIsEmpty {}
    ///
    /// let layer = HttpClientLayer::new(HttpClientOptions::default()).errors(
    ///     |error| Some(error.downcast_ref::<PoolIsEmpty>()? as &(dyn Error + 'static)),
    ///     |_| "pool_is_empty",
    /// );
    /// ```
    #[must_use]
    pub fn errors(
        mut self,
        as_error: fn(&dyn Any) -> Option<&(dyn Error + 'static)>,
        error_type: fn(&(dyn Error + 'static)) -> &'static str,
    ) -> Self {
        self.reading.as_error = as_error;
        self.reading.error_type = error_type;
        self
    }

    /// How the other end of the connection is found in the extensions of an answer. None by default.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions};
    ///
    /// let layer = HttpClientLayer::new(HttpClientOptions::default())
    ///     .peer(|extensions| extensions.get::<SocketAddr>().copied());
    /// ```
    #[must_use]
    pub fn peer(mut self, peer: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        self.reading.peer = peer;
        self
    }

    /// Called with the span and the extensions of each request before it is sent. None by default.
    ///
    /// For what the options' own hooks cannot see, since they are the same for all clients.
    ///
    /// ```
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions};
    /// use opentelemetry::KeyValue;
    ///
    /// #[derive(Clone)]
    /// struct Tenant(&'static str);
    ///
    /// let layer = HttpClientLayer::new(HttpClientOptions::default()).on_request(
    ///     |span, extensions| {
    ///         if let Some(Tenant(name)) = extensions.get() {
    ///             span.set_attribute(KeyValue::new("tenant", *name));
    ///         }
    ///     },
    /// );
    /// ```
    #[must_use]
    pub fn on_request(
        mut self,
        hook: impl Fn(&RequestSpan, &Extensions) + Send + Sync + 'static,
    ) -> Self {
        self.on_request = Some(Arc::new(hook));
        self
    }

    /// Records the bodies of requests too, as far as the options say so: `capture_request_body`, and
    /// `record_body_sizes` for bodies without a `content-length`. By default they are not seen.
    ///
    /// The type of the request changes: the inner service takes `Request<InstrumentedBody<B>>`.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use http::{Request, Response};
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions, InstrumentedBody};
    /// use tower::ServiceBuilder;
    ///
    /// async fn send(_: Request<InstrumentedBody<String>>) -> Result<Response<String>, Infallible> {
    ///     Ok(Response::new("stored".to_owned()))
    /// }
    ///
    /// let options = HttpClientOptions::default().capture_request_body(true);
    /// let layer = HttpClientLayer::new(options).observe_request_body();
    /// let client = ServiceBuilder::new().layer(layer).service_fn(send);
    /// # fn check<S: tower::Service<Request<String>>>(_: S) {}
    /// # check(client);
    /// ```
    #[must_use]
    pub fn observe_request_body(self) -> ObservingHttpClientLayer {
        ObservingHttpClientLayer::new(self)
    }

    /// Records one request and its answer; for clients of another kind than tower's services.
    ///
    /// Of the request's body its `content-length` is known.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use logfire_rs_tower::{HttpClientLayer, HttpClientOptions};
    ///
    /// # async fn example() {
    /// let layer = HttpClientLayer::new(HttpClientOptions::default());
    /// let send = |_: Request<String>| async {
    ///     Ok::<_, std::io::Error>(Response::new("hello".to_owned()))
    /// };
    /// let response = layer.record(Request::new(String::new()), send).await;
    /// # }
    /// ```
    pub fn record<B, F>(
        &self,
        mut request: Request<B>,
        send: impl FnOnce(Request<B>) -> F,
    ) -> ClientResponseFuture<F> {
        let mut span = self.start(&mut request);
        if let Some(span) = &mut span {
            sized(span, || content_length(request.headers()));
        }
        self.sent(span, || send(request))
    }

    /// As [`record`](Self::record), with the size that the body says it has.
    pub fn record_sized<B: Body, F>(
        &self,
        mut request: Request<B>,
        send: impl FnOnce(Request<B>) -> F,
    ) -> ClientResponseFuture<F> {
        let mut span = self.start(&mut request);
        if let Some(span) = &mut span {
            sized(span, || {
                let size = request.body().size_hint().exact();
                size.or_else(|| content_length(request.headers()))
            });
        }
        self.sent(span, || send(request))
    }

    /// Sends a request whose span has started, if it has one.
    fn sent<F>(
        &self,
        mut span: Option<ClientSpan>,
        send: impl FnOnce() -> F,
    ) -> ClientResponseFuture<F> {
        let entered = span.as_mut().map(ClientSpan::enter);
        let answer = send();
        drop(entered);
        ClientResponseFuture::new(answer, span, self.reading)
    }

    fn start<B>(&self, request: &mut Request<B>) -> Option<ClientSpan> {
        let none = PerRequest::default();
        let settings = request.extensions().get().unwrap_or(&none);
        let mut span = with_url(request, |url| {
            let described = ClientRequest {
                method: request.method().as_str(),
                url,
                template: None,
                resend_count: 0,
                headers: &HttpHeaders(request.headers()),
            };
            self.instrumenter.start_here(&described, settings)
        })?;
        if let Some(hook) = &self.on_request {
            span.call_hook(request.uri().path(), |it| hook(it, request.extensions()));
        }
        span.inject(&mut Outgoing(request.headers_mut()));
        Some(span)
    }
}

impl Default for HttpClientLayer {
    fn default() -> Self {
        Self::new(HttpClientOptions::default())
    }
}

impl fmt::Debug for HttpClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("HttpClientLayer");
        debug.field("instrumenter", &self.instrumenter).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for HttpClientLayer {
    type Service = HttpClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpClientService { inner, layer: self.clone() }
    }
}

/// The service of [`HttpClientLayer`].
#[derive(Clone, Debug)]
pub struct HttpClientService<S> {
    inner: S,
    layer: HttpClientLayer,
}

impl<S, B, R> Service<Request<B>> for HttpClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display + 'static,
    R: Body,
{
    type Response = Response<InstrumentedClientBody<R>>;
    type Error = S::Error;
    type Future = ClientResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.layer.record(request, |request| self.inner.call(request))
    }
}

/// Calls `read` with the absolute URL of a request, whose target may be a path only.
///
/// The URL is put together in memory that the thread keeps.
fn with_url<B, R>(request: &Request<B>, read: impl FnOnce(&str) -> R) -> R {
    thread_local! {
        static URL: Cell<String> = const { Cell::new(String::new()) };
    }
    let uri = request.uri();
    let host = || request.headers().get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let authority = uri.authority().map_or_else(host, |it| it.as_str());
    // `OPTIONS *` is about the server as a whole.
    let path = uri.path_and_query().map(PathAndQuery::as_str).filter(|it| *it != "*");
    let mut url = URL.try_with(Cell::take).unwrap_or_default();
    url.clear();
    url.extend([uri.scheme_str().unwrap_or("http"), "://", authority, path.unwrap_or_default()]);
    let result = read(&url);
    if url.capacity() <= 4096 {
        // Fails only while the thread ends.
        let _ = URL.try_with(|it| it.set(url));
    }
    result
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn sized(span: &mut ClientSpan, size: impl FnOnce() -> Option<u64>) {
    if span.counts_sizes()
        && let Some(size) = size()
    {
        span.record_request_size(size);
    }
}

/// Write access for propagators: a header takes the place of those that the caller wrote.
struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = known(key).cloned().map_or_else(|| HeaderName::try_from(key), Ok);
        let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) else { return };
        if let ("traceparent", Some(state)) = (key, known("tracestate")) {
            // What is there belongs to another trace.
            self.0.remove(state);
        }
        self.0.insert(name, value);
    }
}

impl OutgoingHeaders for Outgoing<'_> {
    fn set_traceparent(&mut self, value: Bytes) {
        const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
        const TRACESTATE: &str = "tracestate";
        // To look at each of a few names costs less than a hash of one.
        if self.0.keys().any(|it| *it == TRACESTATE) {
            self.0.remove(TRACESTATE);
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(value) {
            self.0.insert(TRACEPARENT, value);
        }
    }
}
