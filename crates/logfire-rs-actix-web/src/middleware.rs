//! The middleware that makes a span of each request, and its service.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::Version;
use actix_web::http::uri::Authority;
use actix_web::{Error, HttpMessage as _};
use logfire_rs_core::{
    HttpServerInstrumenter, HttpServerOptions, HttpVersion, Peer, RequestSpan, ServerRequest,
    ServerSpan, current_request,
};

use crate::InstrumentedBody;
use crate::future::ResponseFuture;
use crate::headers::ActixHeaders;
use crate::likely::LikelyRoutes;
use crate::payload;

/// The middleware that [`instrument`](crate::instrument) adds, for the `wrap` of an `App`, a
/// `Scope` or a `Resource`; its environment key is `ACTIX_WEB`.
///
/// A request that an outer middleware records already is left to it.
///
/// ```
/// use actix_web::{App, web};
/// use logfire_rs_actix_web::{HttpServerOptions, middleware};
///
/// let shop = web::scope("/shop")
///     .wrap(middleware(HttpServerOptions::default()))
///     .route("/cart", web::get().to(|| async { "empty" }));
/// let app = App::new().service(shop);
/// ```
#[must_use]
pub fn middleware(options: HttpServerOptions) -> HttpServerMiddleware {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    HttpServerMiddleware {
        instrumenter: HttpServerInstrumenter::new(name, version, "ACTIX_WEB", options),
        on_request: None,
    }
}

/// Makes a span of each request that an `App`, a `Scope` or a `Resource` receives.
///
/// A clone shares the settings: make it before `HttpServer::new` and clone it in there, or make one
/// for each worker; the spans and metrics are the same.
///
/// ```
/// use actix_web::{App, HttpServer, web};
/// use logfire_rs_actix_web::{HttpServerOptions, middleware};
///
/// let recorded = middleware(HttpServerOptions::default());
/// let server = HttpServer::new(move || {
///     App::new().wrap(recorded.clone()).route("/", web::get().to(|| async { "hello" }))
/// });
/// ```
#[derive(Clone)]
pub struct HttpServerMiddleware {
    instrumenter: HttpServerInstrumenter,
    on_request: Option<Arc<OnRequest>>,
}

type OnRequest = dyn Fn(&RequestSpan, &ServiceRequest) + Send + Sync;

/// In the extensions of a request that is recorded already.
#[derive(Clone, Copy)]
struct Recorded;

impl HttpServerMiddleware {
    /// Called with the span and each request before it is handled. None by default.
    ///
    /// For what the options' own hooks cannot see, since they are the same for all frameworks. Do
    /// not keep a clone of the request: actix-web panics when there is one while it routes.
    ///
    /// ```
    /// use logfire_rs_actix_web::HttpServerOptions;
    /// use logfire_rs_actix_web::core::opentelemetry::KeyValue;
    ///
    /// let middleware = logfire_rs_actix_web::middleware(HttpServerOptions::default())
    ///     .on_request(|span, request| {
    ///         let name = request.match_name().unwrap_or("none").to_owned();
    ///         span.set_attribute(KeyValue::new("resource.name", name));
    ///     });
    /// ```
    #[must_use]
    pub fn on_request(
        mut self,
        hook: impl Fn(&RequestSpan, &ServiceRequest) + Send + Sync + 'static,
    ) -> Self {
        self.on_request = Some(Arc::new(hook));
        self
    }

    /// `routes` knows what is likely by the path alone; which of several resources with the same
    /// path has the right guard is known after the call only.
    fn start(&self, request: &mut ServiceRequest, routes: &LikelyRoutes) -> ServerSpan {
        if request.extensions().contains::<Recorded>() {
            // Something between the two may have changed the path.
            if let (Some(route), Some(outer)) = (routes.of(request), current_request())
                && outer.route().is_none()
            {
                outer.set_route(&route);
            }
            return ServerSpan::idle();
        }
        if let Some(span) = self.instrumenter.pass(&ActixHeaders(request.headers())) {
            return marked(request, span);
        }
        let route = routes.of(request);
        let uri = request.uri();
        let secure = request.app_config().secure().then_some("https");
        let span = self.instrumenter.start_with_likely_route(&ServerRequest {
            method: request.method().as_str(),
            scheme: uri.scheme_str().or(secure),
            authority: uri.authority().map(Authority::as_str),
            path: uri.path(),
            query: uri.query(),
            route: route.as_deref(),
            version: version(request.version()),
            headers: &ActixHeaders(request.headers()),
            peer: request.peer_addr().map(Peer::Inet),
        });
        if let (Some(hook), Some(span)) = (&self.on_request, span.request_span()) {
            span.guarded("on_request", || hook(span, request));
        }
        if let Some(observer) = span.request_body_observer() {
            payload::observe(request, observer);
        }
        marked(request, span)
    }
}

/// Tells middleware that is nearer to the handler that the request is taken care of by `span`.
fn marked(request: &ServiceRequest, span: ServerSpan) -> ServerSpan {
    if span.is_settled() {
        request.extensions_mut().insert(Recorded);
    }
    span
}

impl fmt::Debug for HttpServerMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("HttpServerMiddleware");
        debug.field("instrumenter", &self.instrumenter).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for HttpServerMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<InstrumentedBody<B>>;
    type Error = Error;
    type Transform = HttpServerService<S>;
    type InitError = ();
    type Future = Ready<Result<HttpServerService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let middleware = self.clone();
        ready(Ok(HttpServerService { inner, middleware, routes: LikelyRoutes::default() }))
    }
}

/// The service of [`HttpServerMiddleware`].
#[derive(Clone, Debug)]
pub struct HttpServerService<S> {
    inner: S,
    middleware: HttpServerMiddleware,
    routes: LikelyRoutes,
}

impl<S, B> Service<ServiceRequest> for HttpServerService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<InstrumentedBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(inner);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let mut span = self.middleware.start(&mut request, &self.routes);
        let inner = span.run(|| self.inner.call(request));
        ResponseFuture::new(inner, span)
    }
}

fn version(version: Version) -> Option<HttpVersion> {
    match version {
        Version::HTTP_09 => Some(HttpVersion::Http09),
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        Version::HTTP_3 => Some(HttpVersion::Http3),
        _ => None,
    }
}
