//! hyper-util's legacy client.

mod connector;
mod error_type;
mod future;

use std::any::Any;
use std::error::Error;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, Uri};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connect, HttpInfo, capture_connection};
use logfire_rs_core::{HttpClientOptions, RequestSpan};
use logfire_rs_tower::{ClientResponseFuture, HttpClientLayer, InstrumentedClientBody};
use tower_service::Service;

pub use self::connector::{Connecting, InstrumentedConnection, InstrumentedConnector};
pub use self::future::Answer;

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
    Client { inner: client, layer: client_layer(options), connections: false }
}

/// Makes a client of `builder` and `connector` whose connections are recorded too; the environment
/// key is `HYPER_CLIENT`.
///
/// Each connection that is set up is a span `HTTP connection_setup {host}:{port}`, and requests have
/// `http.connection.reused`, and a link to the span of a new connection. The metrics are
/// `http.client.open_connections`, by the state `active` or `idle`, and
/// `http.client.connection.duration`.
///
/// A connection is active while requests are on their way over it, until their bodies are read, or an
/// upgraded one is closed. What is not a request, such as the pings of HTTP/2, is not seen.
///
/// ```
/// use http_body_util::Empty;
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::client::legacy::connect::HttpConnector;
/// use hyper_util::rt::TokioExecutor;
/// use logfire_rs_hyper::{HttpClientOptions, instrument_client_builder};
///
/// let builder = Client::builder(TokioExecutor::new());
/// let options = HttpClientOptions::default();
/// let client = instrument_client_builder::<_, Empty<Bytes>>(&builder, HttpConnector::new(), options);
/// ```
pub fn instrument_client_builder<C, B>(
    builder: &legacy::Builder,
    connector: C,
    options: HttpClientOptions,
) -> Client<InstrumentedConnector<C>, B>
where
    C: Clone,
    InstrumentedConnector<C>: Connect,
    B: Body + Send,
    B::Data: Send,
{
    let layer = client_layer(options);
    let connector = InstrumentedConnector::new(connector, layer.instrumenter().clone());
    Client { inner: builder.build(connector), layer, connections: true }
}

/// A layer that does for a client of hyper-util, as a service of tower, what
/// [`instrument_client_with`] does; the environment key is `HYPER_CLIENT`.
///
/// For stacks of layers, and for
/// [`observe_request_body`](HttpClientLayer::observe_request_body), which changes the type of the
/// requests that the client takes.
///
/// ```
/// use http_body_util::Full;
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::{Client, connect::HttpConnector};
/// use hyper_util::rt::TokioExecutor;
/// use logfire_rs_hyper::{HttpClientOptions, InstrumentedBody, client_layer};
/// use tower_layer::Layer as _;
///
/// let client: Client<HttpConnector, InstrumentedBody<Full<Bytes>>> =
///     Client::builder(TokioExecutor::new()).build_http();
/// let options = HttpClientOptions::default().capture_request_body(true);
/// let client = client_layer(options).observe_request_body().layer(client);
/// ```
#[must_use]
pub fn client_layer(options: HttpClientOptions) -> HttpClientLayer {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    HttpClientLayer::for_adapter(name, version, "HYPER_CLIENT", options)
        .errors(as_error, error_type::of)
        .peer(|extensions| extensions.get::<HttpInfo>().map(HttpInfo::remote_addr))
}

/// A [`legacy::Client`] whose requests become spans.
///
/// The settings of one request are a [`PerRequest`](logfire_rs_core::PerRequest) in its extensions.
///
/// ```
/// use http_body_util::Empty;
/// use hyper::{Request, body::Bytes};
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use logfire_rs_hyper::PerRequest;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(TokioExecutor::new()).build_http();
/// let client = logfire_rs_hyper::instrument_client(client);
///
/// let mut request = Request::get("http://127.0.0.1:8000/users/1").body(Empty::<Bytes>::new())?;
/// request.extensions_mut().insert(PerRequest::default().url_template("/users/{id}"));
/// let response = client.request(request).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client<C, B> {
    inner: legacy::Client<C, B>,
    layer: HttpClientLayer,
    /// Whether the connector tells of its connections.
    connections: bool,
}

impl<C: Clone, B> Clone for Client<C, B> {
    fn clone(&self) -> Self {
        let (inner, layer) = (self.inner.clone(), self.layer.clone());
        Self { inner, layer, connections: self.connections }
    }
}

impl<C, B> Client<C, B> {
    /// Called with the span and the extensions of each request before it is sent. None by default;
    /// see [`HttpClientLayer::on_request`].
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestSpan, &Extensions) + Send + Sync + 'static,
    ) -> Self {
        Self { layer: self.layer.on_request(hook), ..self }
    }

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
    /// Sends a request, as [`legacy::Client::request`] does.
    pub fn request(&self, request: Request<B>) -> ClientResponseFuture<Answer> {
        self.layer.record_sized(request, |mut request| {
            let captured = self.connections.then(|| capture_connection(&mut request));
            Answer::new(self.inner.request(request), captured)
        })
    }

    /// Sends a `GET` request, as [`legacy::Client::get`] does.
    pub fn get(&self, uri: Uri) -> ClientResponseFuture<Answer>
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
    type Future = ClientResponseFuture<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), legacy::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.request(request)
    }
}

fn as_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    match error.downcast_ref::<legacy::Error>() {
        Some(error) => Some(error),
        // That of a body.
        None => Some(error.downcast_ref::<hyper::Error>()?),
    }
}
