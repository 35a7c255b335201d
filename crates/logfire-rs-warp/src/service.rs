//! A filter as an instrumented service, of tower's kind and of hyper's.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Extensions, Request, Response, StatusCode};
use http_body::Body;
use logfire_rs_core::{HttpServerOptions, RequestBodyObserver, RequestSpan, current_request};
use logfire_rs_tower::{HttpServerLayer, InstrumentedBody};
use pin_project_lite::pin_project;
use tower_service::Service;
use warp::filters::BoxedFilter;
use warp::{Filter, Rejection, Reply, reply};

use crate::filters::Peer;
use crate::rejection::observe_unhandled;
use crate::route::Slot;

/// Instruments `filter` with the default options: every request becomes a span.
///
/// It takes a filter whose error is a [`Rejection`], or, after `recover`, none.
///
/// ```
/// use warp::Filter;
///
/// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
/// let service = logfire_rs_warp::instrument(hello);
/// ```
pub fn instrument<F>(filter: F) -> InstrumentedFilter<F>
where
    F: Filter + Send + Sync + 'static,
    F::Extract: Reply,
    F::Error: Into<Rejection>,
{
    instrument_with(filter, HttpServerOptions::default())
}

/// Instruments `filter` with `options`; the environment key is `WARP`.
///
/// ```
/// use logfire_rs_warp::HttpServerOptions;
/// use warp::Filter;
///
/// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
/// let options = HttpServerOptions::default().exclude_routes(["/health"]);
/// let service = logfire_rs_warp::instrument_with(hello, options);
/// ```
pub fn instrument_with<F>(filter: F, options: HttpServerOptions) -> InstrumentedFilter<F>
where
    F: Filter + Send + Sync + 'static,
    F::Extract: Reply,
    F::Error: Into<Rejection>,
{
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let layer = HttpServerLayer::for_adapter(name, version, "WARP", options)
        .peer(|extensions| extensions.get::<Peer>().map(|it| it.0));
    InstrumentedFilter { filter: filter.boxed().or_else(observe_unhandled).boxed(), layer }
}

/// A filter whose requests become spans.
///
/// It is a [`tower_service::Service`] and a [`hyper::service::Service`], and serves itself by
/// [`run`](Self::run), [`bind`](Self::bind) and [`serve`](Self::serve).
///
/// ```
/// use http::Request;
/// use tower::ServiceExt as _;
/// use warp::Filter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
/// let service = logfire_rs_warp::instrument(hello);
///
/// let response = service.oneshot(Request::get("/hello").body(String::new())?).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
pub struct InstrumentedFilter<F: Filter> {
    filter: BoxedFilter<F::Extract>,
    layer: HttpServerLayer,
}

impl<F: Filter> Clone for InstrumentedFilter<F> {
    fn clone(&self) -> Self {
        Self { filter: self.filter.clone(), layer: self.layer.clone() }
    }
}

impl<F: Filter> fmt::Debug for InstrumentedFilter<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("InstrumentedFilter");
        debug.field("layer", &self.layer).finish_non_exhaustive()
    }
}

impl<F> InstrumentedFilter<F>
where
    F: Filter,
    F::Extract: Reply + 'static,
{
    /// Called with the span and the extensions of each request before it is handled. None by
    /// default.
    ///
    /// ```
    /// use logfire_rs_warp::core::opentelemetry::KeyValue;
    /// use warp::Filter;
    ///
    /// #[derive(Clone)]
    /// struct Tenant(&'static str);
    ///
    /// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
    /// let service = logfire_rs_warp::instrument(hello).on_request(|span, extensions| {
    ///     if let Some(Tenant(name)) = extensions.get() {
    ///         span.set_attribute(KeyValue::new("tenant", *name));
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestSpan, &Extensions) + Send + Sync + 'static,
    ) -> Self {
        Self { layer: self.layer.on_request(hook), ..self }
    }

    pub(crate) fn answer<B: RequestBody>(&self, request: Request<B>) -> ResponseFuture
    where
        B::Error: Fault,
    {
        self.layer.record(request, |mut request| {
            let slot = Slot::default();
            let path = request.uri().path().to_owned();
            let extensions = request.extensions_mut();
            extensions.insert(slot.clone());
            let observer = extensions.remove::<RequestBodyObserver>();
            #[cfg(feature = "endpoint")]
            let observer = crate::endpoint::observing(observer, &request);
            let mut service = warp::service(self.filter.clone());
            let inner: BoxedFuture = slot.run(|| match observer {
                Some(it) => {
                    let observed = |body| InstrumentedBody::request(body, Some(it));
                    Box::pin(Service::call(&mut service, request.map(observed))) as BoxedFuture
                }
                None => Box::pin(Service::call(&mut service, request)),
            });
            Filtered { inner, slot, path }
        })
    }
}

/// The body of a request, as warp takes it.
pub trait RequestBody: Body + Send + Sync + 'static {}

impl<B: Body + Send + Sync + 'static> RequestBody for B {}

/// The error of a body, as warp takes it.
pub trait Fault: Into<Box<dyn Error + Send + Sync>> + fmt::Display {}

impl<E: Into<Box<dyn Error + Send + Sync>> + fmt::Display> Fault for E {}

impl<F, B> Service<Request<B>> for InstrumentedFilter<F>
where
    F: Filter,
    F::Extract: Reply + 'static,
    B: RequestBody,
    B::Error: Fault,
{
    type Response = InstrumentedResponse;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.answer(request)
    }
}

impl<F, B> hyper::service::Service<Request<B>> for InstrumentedFilter<F>
where
    F: Filter,
    F::Extract: Reply + 'static,
    B: RequestBody,
    B::Error: Fault,
{
    type Response = InstrumentedResponse;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<B>) -> ResponseFuture {
        self.answer(request)
    }
}

/// The response of an [`InstrumentedFilter`].
pub type InstrumentedResponse = Response<InstrumentedBody<<reply::Response as HasBody>::Body>>;

/// The future of an [`InstrumentedFilter`].
pub type ResponseFuture = logfire_rs_tower::ResponseFuture<Filtered>;

/// Names the body of warp's responses, which warp itself does not.
pub trait HasBody {
    /// The body.
    type Body;
}

impl<B> HasBody for Response<B> {
    type Body = B;
}

/// warp's own future has no name.
type BoxedFuture = Pin<Box<dyn Future<Output = Result<reply::Response, Infallible>> + Send>>;

pin_project! {
    /// The answer of a filter, which settles the route of its request.
    pub struct Filtered {
        #[pin]
        inner: BoxedFuture,
        slot: Slot,
        path: String,
    }
}

impl fmt::Debug for Filtered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filtered").field("slot", &self.slot).finish_non_exhaustive()
    }
}

impl Future for Filtered {
    type Output = Result<reply::Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.slot.run(|| this.inner.poll(cx)))?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            this.slot.not_found(this.path);
        }
        // An earlier rejection may have been made good; it counts only for an answer that failed.
        if (status.is_client_error() || status.is_server_error())
            && let Some(rejected) = this.slot.take_rejection()
            && let Some(request) = current_request()
        {
            #[cfg(feature = "endpoint")]
            if let Some(error) = rejected.argument {
                crate::endpoint::record(error);
            }
            if status.is_server_error() {
                request.record_error(rejected.kind, &rejected.text);
            }
        }
        Poll::Ready(Ok(response))
    }
}
