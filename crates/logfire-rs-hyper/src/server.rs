//! hyper's kind of service: called by reference, one clone for each connection.

use std::fmt::Display;
use std::net::SocketAddr;

use http::{Extensions, Request, Response};
use http_body::Body;
use hyper::service::Service;
use logfire_rs_core::{HttpServerOptions, RequestBodyObserver, RequestSpan};
use logfire_rs_tower::{HttpServerLayer, InstrumentedBody, ResponseFuture};

/// Instruments `service` with the default options: every request becomes a span.
///
/// Call it once, and clone the result for each connection; see [`HttpServerService::peer`].
///
/// ```
/// use std::convert::Infallible;
///
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
///
/// async fn hello(_: Request<String>) -> Result<Response<String>, Infallible> {
///     Ok(Response::new("hello".to_owned()))
/// }
///
/// let service = logfire_rs_hyper::instrument(service_fn(hello));
/// ```
pub fn instrument<S>(service: S) -> HttpServerService<S> {
    instrument_with(service, HttpServerOptions::default())
}

/// Instruments `service` with `options`; the environment key is `HYPER`.
///
/// ```
/// use std::convert::Infallible;
///
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
/// use logfire_rs_hyper::HttpServerOptions;
///
/// async fn hello(_: Request<String>) -> Result<Response<String>, Infallible> {
///     Ok(Response::new("hello".to_owned()))
/// }
///
/// let options = HttpServerOptions::default().excluded_urls(["^/health$"]);
/// let service = logfire_rs_hyper::instrument_with(service_fn(hello), options);
/// ```
pub fn instrument_with<S>(service: S, options: HttpServerOptions) -> HttpServerService<S> {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let layer = HttpServerLayer::for_adapter(name, version, "HYPER", options)
        .peer(|extensions| extensions.get::<Peer>().map(|it| it.0));
    HttpServerService { inner: service, layer, peer: None }
}

/// The other end of the connection, in the extensions of each request.
///
/// ```
/// use hyper::Request;
/// use logfire_rs_hyper::Peer;
///
/// fn peer<B>(request: &Request<B>) -> Option<std::net::SocketAddr> {
///     request.extensions().get::<Peer>().map(|it| it.0)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// A [`Service`] of hyper whose requests become spans.
#[derive(Clone, Debug)]
pub struct HttpServerService<S> {
    inner: S,
    layer: HttpServerLayer,
    peer: Option<Peer>,
}

impl<S> HttpServerService<S> {
    /// The service of one connection, with the address of its other end: `client.address` and
    /// `network.peer.*`. Unknown by default.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use hyper::server::conn::http1;
    /// use hyper::service::service_fn;
    /// use hyper::{Request, Response, body::Incoming};
    /// use hyper_util::rt::TokioIo;
    /// use tokio::net::TcpListener;
    ///
    /// async fn hello(_: Request<Incoming>) -> Result<Response<String>, Infallible> {
    ///     Ok(Response::new("hello".to_owned()))
    /// }
    ///
    /// # async fn example() -> std::io::Result<()> {
    /// let service = logfire_rs_hyper::instrument(service_fn(hello));
    /// let listener = TcpListener::bind("127.0.0.1:8080").await?;
    /// loop {
    ///     let (stream, peer) = listener.accept().await?;
    ///     let service = service.clone().peer(peer);
    ///     tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn peer(self, peer: SocketAddr) -> Self {
        Self { peer: Some(Peer(peer)), ..self }
    }

    /// Called with the span and the extensions of each request before it is handled. None by
    /// default.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use hyper::service::service_fn;
    /// use hyper::{Request, Response};
    /// use logfire_rs_hyper::Peer;
    /// use logfire_rs_hyper::core::opentelemetry::KeyValue;
    ///
    /// async fn hello(_: Request<String>) -> Result<Response<String>, Infallible> {
    ///     Ok(Response::new("hello".to_owned()))
    /// }
    ///
    /// let service =
    ///     logfire_rs_hyper::instrument(service_fn(hello)).on_request(|span, extensions| {
    ///         let is_local = extensions.get::<Peer>().is_some_and(|it| it.0.ip().is_loopback());
    ///         span.set_attribute(KeyValue::new("app.is_local", is_local));
    ///     });
    /// ```
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestSpan, &Extensions) + Send + Sync + 'static,
    ) -> Self {
        Self { layer: self.layer.on_request(hook), ..self }
    }

    /// Lets `receive_hook`, `record_send_receive` and `record_body_sizes` see the request's body.
    ///
    /// The inner service then takes `Request<InstrumentedBody<B>>`; without this it takes the
    /// request as it is, and the request's body is not seen.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use hyper::body::Incoming;
    /// use hyper::service::service_fn;
    /// use hyper::{Request, Response};
    /// use logfire_rs_hyper::{HttpServerOptions, InstrumentedBody};
    ///
    /// async fn store(_: Request<InstrumentedBody<Incoming>>) -> Result<Response<String>, Infallible> {
    ///     Ok(Response::new("stored".to_owned()))
    /// }
    ///
    /// let options = HttpServerOptions::default().record_body_sizes(true);
    /// let service =
    ///     logfire_rs_hyper::instrument_with(service_fn(store), options).observe_request_body();
    /// ```
    #[must_use]
    pub fn observe_request_body(self) -> ObservingHttpServerService<S> {
        ObservingHttpServerService(self)
    }

    fn record<B, F>(
        &self,
        mut request: Request<B>,
        call: impl FnOnce(Request<B>) -> F,
    ) -> ResponseFuture<F> {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        self.layer.record(request, call)
    }
}

impl<S, B, R> Service<Request<B>> for HttpServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display,
    R: Body,
{
    type Response = Response<InstrumentedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn call(&self, request: Request<B>) -> Self::Future {
        self.record(request, |request| self.inner.call(request))
    }
}

/// The service of [`HttpServerService::observe_request_body`].
#[derive(Clone, Debug)]
pub struct ObservingHttpServerService<S>(HttpServerService<S>);

impl<S> ObservingHttpServerService<S> {
    /// See [`HttpServerService::peer`].
    #[must_use]
    pub fn peer(self, peer: SocketAddr) -> Self {
        Self(self.0.peer(peer))
    }
}

impl<S, B, R> Service<Request<B>> for ObservingHttpServerService<S>
where
    S: Service<Request<InstrumentedBody<B>>, Response = Response<R>>,
    S::Error: Display,
    B: Body,
    R: Body,
{
    type Response = Response<InstrumentedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn call(&self, request: Request<B>) -> Self::Future {
        self.0.record(request, |mut request| {
            let observer = request.extensions_mut().remove::<RequestBodyObserver>();
            self.0.inner.call(request.map(|body| InstrumentedBody::request(body, observer)))
        })
    }
}
