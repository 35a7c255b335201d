//! The layer that makes a span of each request that a client sends, and its service.

mod body;
mod errors;
mod future;

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Display};
use std::task::{Context, Poll};

use http::header::{HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use logfire_rs_core::{
    ClientRequest, ClientSpan, HttpClientInstrumenter, HttpClientOptions, PerRequest,
};
use opentelemetry::propagation::Injector;
use tower_layer::Layer;
use tower_service::Service;

pub use self::body::InstrumentedClientBody;
pub use self::future::ClientResponseFuture;
use crate::headers::HttpHeaders;

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
    errors: Errors,
}

/// How the errors of a client are read.
#[derive(Clone, Copy)]
struct Errors {
    as_error: fn(&dyn Any) -> Option<&(dyn Error + 'static)>,
    error_type: fn(&(dyn Error + 'static)) -> &'static str,
}

impl HttpClientLayer {
    /// A layer that records what `options` say; its environment key is `TOWER_CLIENT`.
    #[must_use]
    pub fn new(options: HttpClientOptions) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self::for_adapter(name, version, "TOWER_CLIENT", options)
    }

    /// A layer that reports as the instrumentation library `name` and has the environment key
    /// `key`; for the crates of clients that are built on tower.
    #[must_use]
    pub fn for_adapter(
        name: &'static str,
        version: &'static str,
        key: &str,
        options: HttpClientOptions,
    ) -> Self {
        let instrumenter = HttpClientInstrumenter::new(name, version, key, options);
        Self { instrumenter, errors: Errors { as_error: errors::boxed, error_type: errors::of } }
    }

    /// How the errors of the client become one of few words. By default boxed errors are understood
    /// as far as their `io::Error` goes.
    ///
    /// `as_error` finds the error in a value of the service's own error type.
    #[must_use]
    pub fn errors(
        mut self,
        as_error: fn(&dyn Any) -> Option<&(dyn Error + 'static)>,
        error_type: fn(&(dyn Error + 'static)) -> &'static str,
    ) -> Self {
        self.errors = Errors { as_error, error_type };
        self
    }

    /// Records one request and its answer; for clients of another kind than tower's services.
    pub fn record<B, F>(
        &self,
        mut request: Request<B>,
        send: impl FnOnce(Request<B>) -> F,
    ) -> ClientResponseFuture<F> {
        let url = absolute(&request);
        match self.start(&mut request, &url) {
            Some(mut span) => {
                let sent = {
                    let _entered = span.enter();
                    send(request)
                };
                ClientResponseFuture::new(sent, Some(span), url, self.errors)
            }
            None => ClientResponseFuture::new(send(request), None, url, self.errors),
        }
    }

    fn start<B>(&self, request: &mut Request<B>, url: &str) -> Option<ClientSpan> {
        let settings = request.extensions_mut().remove::<PerRequest>().unwrap_or_default();
        let described = ClientRequest {
            method: request.method().as_str(),
            url,
            template: None,
            resend_count: 0,
            headers: &HttpHeaders(request.headers()),
        };
        let made_in = opentelemetry::Context::current();
        let span = self.instrumenter.start(&made_in, &described, &settings)?;
        span.inject(&mut Outgoing(request.headers_mut()));
        Some(span)
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

/// The absolute URL of a request, whose target may be a path only.
fn absolute<B>(request: &Request<B>) -> String {
    let uri = request.uri();
    if uri.authority().is_some() {
        return uri.to_string();
    }
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    format!("http://{host}{uri}")
}

/// Write access for propagators: a header takes the place of those that the caller wrote.
struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value))
        else {
            return;
        };
        if name.as_str() == "traceparent" {
            // What is there belongs to another trace.
            self.0.remove("tracestate");
        }
        self.0.insert(name, value);
    }
}
