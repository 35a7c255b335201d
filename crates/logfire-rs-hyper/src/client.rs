//! hyper-util's legacy client.

mod error_type;

use std::any::Any;
use std::error::Error;
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::Connect;
use logfire_rs_core::HttpClientOptions;
use logfire_rs_tower::{ClientResponseFuture, HttpClientLayer, InstrumentedClientBody};
use tower_service::Service;

/// Instruments `client` with the default options: every request becomes a span and carries the trace
/// context.
///
/// ```
/// use http_body_util::Empty;
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
///
/// let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
/// let client = logfire_rs_hyper::instrument_client(client);
/// ```
pub fn instrument_client<C, B>(client: legacy::Client<C, B>) -> Client<C, B> {
    instrument_client_with(client, HttpClientOptions::default())
}

/// Instruments `client` with `options`; the environment key is `HYPER_CLIENT`.
///
/// ```
/// use http_body_util::Empty;
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use logfire_rs_hyper::HttpClientOptions;
///
/// let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
/// let options = HttpClientOptions::default().capture_response_headers(["retry-after"]);
/// let client = logfire_rs_hyper::instrument_client_with(client, options);
/// ```
pub fn instrument_client_with<C, B>(
    client: legacy::Client<C, B>,
    options: HttpClientOptions,
) -> Client<C, B> {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let layer = HttpClientLayer::for_adapter(name, version, "HYPER_CLIENT", options)
        .errors(as_error, error_type::of);
    Client { inner: client, layer }
}

/// A [`legacy::Client`] whose requests become spans.
///
/// The settings of one request are a [`PerRequest`](logfire_rs_core::PerRequest) in its extensions.
#[derive(Debug)]
pub struct Client<C, B> {
    inner: legacy::Client<C, B>,
    layer: HttpClientLayer,
}

impl<C: Clone, B> Clone for Client<C, B> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<C, B> Client<C, B> {
    /// The client itself, without instrumentation.
    pub fn into_inner(self) -> legacy::Client<C, B> {
        self.inner
    }
}

impl<C, B> Client<C, B>
where
    C: Connect + Clone + Send + Sync + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// See [`legacy::Client::request`].
    pub fn request(&self, request: Request<B>) -> ClientResponseFuture<legacy::ResponseFuture> {
        self.layer.record(request, |request| self.inner.request(request))
    }

    /// See [`legacy::Client::get`].
    pub fn get(&self, uri: Uri) -> ClientResponseFuture<legacy::ResponseFuture>
    where
        B: Default,
    {
        let mut request = Request::new(B::default());
        *request.uri_mut() = uri;
        self.request(request)
    }
}

impl<C, B> Service<Request<B>> for Client<C, B>
where
    C: Connect + Clone + Send + Sync + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<InstrumentedClientBody<Incoming>>;
    type Error = legacy::Error;
    type Future = ClientResponseFuture<legacy::ResponseFuture>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), legacy::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.request(request)
    }
}

fn as_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    Some(error.downcast_ref::<legacy::Error>()?)
}
