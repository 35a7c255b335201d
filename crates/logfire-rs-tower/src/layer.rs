//! The layer that makes a span of each request, and its service.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, Uri, Version};
use logfire_rs_core::{
    HttpServerInstrumenter, HttpServerOptions, HttpVersion, Peer, RequestSpan, ServerRequest,
    ServerSpan, current_request,
};
use tower_layer::Layer;
use tower_service::Service;

use crate::InstrumentedBody;
use crate::future::ResponseFuture;
use crate::headers::HttpHeaders;
use crate::observe::ObservingHttpServerLayer;

/// Instruments `service` with the default options: every request becomes a span.
///
/// ```
/// use http::{Request, Response};
///
/// async fn hello(_: Request<String>) -> Result<Response<String>, std::convert::Infallible> {
///     Ok(Response::new("hello".to_owned()))
/// }
///
/// let service = logfire_rs_tower::instrument(tower::service_fn(hello));
/// ```
pub fn instrument<S>(service: S) -> HttpServerService<S> {
    instrument_with(service, HttpServerOptions::default())
}

/// Instruments `service` with `options`; the environment key is `TOWER`.
///
/// ```
/// use http::{Request, Response};
/// use logfire_rs_tower::HttpServerOptions;
///
/// async fn hello(_: Request<String>) -> Result<Response<String>, std::convert::Infallible> {
///     Ok(Response::new("hello".to_owned()))
/// }
///
/// let options = HttpServerOptions::default().excluded_urls(["^/health$"]);
/// let service = logfire_rs_tower::instrument_with(tower::service_fn(hello), options);
/// ```
pub fn instrument_with<S>(service: S, options: HttpServerOptions) -> HttpServerService<S> {
    HttpServerLayer::new(options).layer(service)
}

/// Makes a span of each request that a tower service receives.
///
/// A request that another layer has recorded already is left to it.
///
/// ```
/// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
///
/// let layer = HttpServerLayer::new(HttpServerOptions::default());
/// let stack = tower::ServiceBuilder::new().layer(layer);
/// ```
#[derive(Clone)]
pub struct HttpServerLayer(Arc<Recorder>);

/// What the layers and services of one [`HttpServerLayer`] share: frameworks clone them per request.
#[derive(Clone)]
struct Recorder {
    instrumenter: HttpServerInstrumenter,
    facts: Facts,
    on_request: Option<Arc<OnRequest>>,
}

/// Where the request keeps what a framework knows of it.
#[derive(Clone, Copy)]
struct Facts {
    route: fn(&Extensions) -> Option<&str>,
    peer: fn(&Extensions) -> Option<SocketAddr>,
    original_uri: fn(&Extensions) -> Option<&Uri>,
}

type OnRequest = dyn Fn(&RequestSpan, &Extensions) + Send + Sync;

/// In the extensions of a request that is recorded already.
#[derive(Clone, Copy)]
struct Recorded;

impl HttpServerLayer {
    /// A layer that records what `options` say; its environment key is `TOWER`.
    ///
    /// ```
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// let options = HttpServerOptions::default().excluded_urls(["^/health$"]);
    /// let stack = tower::ServiceBuilder::new().layer(HttpServerLayer::new(options));
    /// ```
    #[must_use]
    pub fn new(options: HttpServerOptions) -> Self {
        Self::for_adapter(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "TOWER", options)
    }

    /// A layer that reports as the instrumentation library `name` and has the environment key
    /// `key`; for the crates of frameworks that are built on tower.
    ///
    /// ```
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// let options = HttpServerOptions::default();
    /// let layer = HttpServerLayer::for_adapter("my-adapter", "1.0.0", "MY_FRAMEWORK", options);
    /// ```
    #[must_use]
    pub fn for_adapter(
        name: &'static str,
        version: &'static str,
        key: &str,
        options: HttpServerOptions,
    ) -> Self {
        Self(Arc::new(Recorder {
            instrumenter: HttpServerInstrumenter::new(name, version, key, options),
            facts: Facts { route: |_| None, peer: |_| None, original_uri: |_| None },
            on_request: None,
        }))
    }

    /// Finds the template of the matched route in the extensions of a request. None by default.
    ///
    /// ```
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// #[derive(Clone)]
    /// struct Route(&'static str);
    ///
    /// let layer = HttpServerLayer::new(HttpServerOptions::default())
    ///     .route(|extensions| extensions.get::<Route>().map(|it| it.0));
    /// ```
    #[must_use]
    pub fn route(mut self, route: fn(&Extensions) -> Option<&str>) -> Self {
        Arc::make_mut(&mut self.0).facts.route = route;
        self
    }

    /// Finds the other end of the connection in the extensions of a request. None by default.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// #[derive(Clone)]
    /// struct RemoteAddress(SocketAddr);
    ///
    /// let layer = HttpServerLayer::new(HttpServerOptions::default())
    ///     .peer(|extensions| extensions.get::<RemoteAddress>().map(|it| it.0));
    /// ```
    #[must_use]
    pub fn peer(mut self, peer: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        Arc::make_mut(&mut self.0).facts.peer = peer;
        self
    }

    /// Finds the URI that the client sent, where the framework changes that of the request. None
    /// by default.
    ///
    /// ```
    /// use http::Uri;
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// #[derive(Clone)]
    /// struct AsSent(Uri);
    ///
    /// let layer = HttpServerLayer::new(HttpServerOptions::default())
    ///     .original_uri(|extensions| extensions.get::<AsSent>().map(|it| &it.0));
    /// ```
    #[must_use]
    pub fn original_uri(mut self, original_uri: fn(&Extensions) -> Option<&Uri>) -> Self {
        Arc::make_mut(&mut self.0).facts.original_uri = original_uri;
        self
    }

    /// Called with the span and the extensions of each request before it is handled. None by
    /// default.
    ///
    /// For what the options' own hooks cannot see, since they are the same for all frameworks.
    ///
    /// ```
    /// use logfire_rs_tower::core::opentelemetry::KeyValue;
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// #[derive(Clone)]
    /// struct Tenant(&'static str);
    ///
    /// let layer = HttpServerLayer::new(HttpServerOptions::default()).on_request(
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
        Arc::make_mut(&mut self.0).on_request = Some(Arc::new(hook));
        self
    }

    /// Lets `receive_hook`, `record_send_receive` and `record_body_sizes` see the request's body.
    ///
    /// The inner service then takes `Request<InstrumentedBody<B>>`; without this it takes the
    /// request as it is, and the request's body is not seen.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use http::{Request, Response};
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions, InstrumentedBody};
    /// use tower::ServiceBuilder;
    ///
    /// async fn store(_: Request<InstrumentedBody<String>>) -> Result<Response<String>, Infallible> {
    ///     Ok(Response::new("stored".to_owned()))
    /// }
    ///
    /// let options = HttpServerOptions::default().record_body_sizes(true);
    /// let layer = HttpServerLayer::new(options).observe_request_body();
    /// let service = ServiceBuilder::new().layer(layer).service_fn(store);
    /// # fn check<S: tower::Service<Request<String>>>(_: S) {}
    /// # check(service);
    /// ```
    #[must_use]
    pub fn observe_request_body(self) -> ObservingHttpServerLayer {
        ObservingHttpServerLayer::new(self)
    }

    /// Whether anyone is to see the body of a request: only then is there an observer of it in the
    /// request's extensions.
    #[must_use]
    pub fn observes_request_bodies(&self) -> bool {
        self.0.instrumenter.observes_requests()
    }

    /// Records one request and what becomes of it; for services of another kind than tower's.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions};
    ///
    /// # async fn example(request: Request<String>) {
    /// let layer = HttpServerLayer::new(HttpServerOptions::default());
    /// let answer = |_: Request<String>| async {
    ///     Ok::<_, std::convert::Infallible>(Response::new("hello".to_owned()))
    /// };
    /// let response = layer.record(request, answer).await;
    /// # }
    /// ```
    pub fn record<B, F>(
        &self,
        mut request: Request<B>,
        call: impl FnOnce(Request<B>) -> F,
    ) -> ResponseFuture<F> {
        let mut span = self.start(&mut request);
        ResponseFuture::new(span.run(|| call(request)), span)
    }

    /// Starts the record of one request, as [`record`](Self::record) does, whose answer is then that
    /// of [`ResponseFuture::new`]; for services that do nothing when they are called, but when their
    /// future is polled: such a call need not be within the request.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use logfire_rs_tower::{HttpServerLayer, HttpServerOptions, ResponseFuture};
    ///
    /// # async fn example(mut request: Request<String>) {
    /// let layer = HttpServerLayer::new(HttpServerOptions::default());
    /// let span = layer.start(&mut request);
    /// let answer = async { Ok::<_, std::convert::Infallible>(Response::new(request.into_body())) };
    /// let response = ResponseFuture::new(answer, span).await;
    /// # }
    /// ```
    pub fn start<B>(&self, request: &mut Request<B>) -> ServerSpan {
        self.0.start(request)
    }
}

impl Recorder {
    fn start<B>(&self, request: &mut Request<B>) -> ServerSpan {
        let extensions = request.extensions();
        let route = || (self.facts.route)(extensions);
        if extensions.get::<Recorded>().is_some() {
            // The outer layer may not know the route; this one, nearer to the handler, may.
            if let (Some(route), Some(outer)) = (route(), current_request())
                && outer.route().is_none()
            {
                outer.set_route(route);
            }
            return ServerSpan::idle();
        }
        let headers = HttpHeaders(request.headers());
        if let Some(span) = self.instrumenter.pass(&headers) {
            return marked(request, span);
        }
        let uri = (self.facts.original_uri)(extensions).unwrap_or(request.uri());
        let span = self.instrumenter.start(&ServerRequest {
            method: request.method().as_str(),
            scheme: uri.scheme_str(),
            authority: uri.authority().map(http::uri::Authority::as_str),
            path: uri.path(),
            query: uri.query(),
            route: route(),
            version: version(request.version()),
            headers: &headers,
            peer: (self.facts.peer)(extensions).map(Peer::Inet),
        });
        if let (Some(hook), Some(span)) = (&self.on_request, span.request_span()) {
            span.guarded("on_request", || hook(span, extensions));
        }
        let observer = span.request_body_observer();
        if let Some(observer) = observer {
            request.extensions_mut().insert(observer);
        }
        marked(request, span)
    }
}

/// Tells layers that are nearer to the handler that the request is taken care of by `span`.
fn marked<B>(request: &mut Request<B>, span: ServerSpan) -> ServerSpan {
    if span.is_settled() {
        request.extensions_mut().insert(Recorded);
    }
    span
}

impl Default for HttpServerLayer {
    fn default() -> Self {
        Self::new(HttpServerOptions::default())
    }
}

impl fmt::Debug for HttpServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("HttpServerLayer");
        debug.field("instrumenter", &self.0.instrumenter).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for HttpServerLayer {
    type Service = HttpServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpServerService { inner, layer: self.clone() }
    }
}

/// The service of [`HttpServerLayer`].
#[derive(Clone, Debug)]
pub struct HttpServerService<S> {
    inner: S,
    layer: HttpServerLayer,
}

impl<S, B, R> Service<Request<B>> for HttpServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display,
    R: http_body::Body,
{
    type Response = Response<InstrumentedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.layer.record(request, |request| self.inner.call(request))
    }
}

pub(crate) fn version(version: Version) -> Option<HttpVersion> {
    match version {
        Version::HTTP_09 => Some(HttpVersion::Http09),
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        Version::HTTP_3 => Some(HttpVersion::Http3),
        _ => None,
    }
}
