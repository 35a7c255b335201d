//! A client with the methods of reqwest's.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use logfire_rs_core::{PerRequest, RequestSpan};
use reqwest::{IntoUrl, Method, Request, Response};
use tower_service::Service;

use crate::recorder::Recorder;
use crate::{ClientBuilder, Pending, RequestBuilder};

/// A [`reqwest::Client`] whose requests are recorded.
///
/// It has the methods of reqwest's, and responses and errors are reqwest's own. Cloning is cheap and
/// shares the connections.
///
/// ```
/// # async fn example() -> reqwest::Result<()> {
/// let client = logfire_rs_reqwest::instrument(reqwest::Client::new());
/// let response = client.post("http://127.0.0.1:8000/users").body("Ada").send().await?;
/// response.error_for_status()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: reqwest::Client,
    pub(crate) recorder: Recorder,
}

pub(crate) type OnRequest = Arc<dyn Fn(&RequestSpan, &Request) + Send + Sync>;

impl Client {
    pub(crate) fn from_parts(inner: reqwest::Client, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }

    /// A new client with the defaults, as [`reqwest::Client::new`] makes it.
    ///
    /// # Panics
    ///
    /// As that of reqwest does: if the TLS library or the resolver cannot be set up.
    #[must_use]
    pub fn new() -> Self {
        crate::instrument(reqwest::Client::new())
    }

    /// Starts to configure a client, as [`reqwest::Client::builder`] does.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Starts a `GET` request, as [`reqwest::Client::get`] does.
    pub fn get<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a `POST` request, as [`reqwest::Client::post`] does.
    pub fn post<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a `PUT` request, as [`reqwest::Client::put`] does.
    pub fn put<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a `PATCH` request, as [`reqwest::Client::patch`] does.
    pub fn patch<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a `DELETE` request, as [`reqwest::Client::delete`] does.
    pub fn delete<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a `HEAD` request, as [`reqwest::Client::head`] does.
    pub fn head<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Starts a request with any method, as [`reqwest::Client::request`] does.
    pub fn request<U: IntoUrl>(&self, method: Method, url: U) -> RequestBuilder {
        RequestBuilder::new(self.inner.request(method, url), self.recorder.clone())
    }

    /// Sends a request that is complete, as [`reqwest::Client::execute`] does.
    ///
    /// The span is a child of the one that is active now, also if the future is spawned; one that is
    /// active when the future is polled first comes before it.
    pub fn execute(&self, request: Request) -> Pending {
        Pending::new(self.clone(), Ok(request), PerRequest::default())
    }

    /// Calls `hook` with the span and the request of reqwest before it is sent: it knows more than
    /// the [`request_hook`](crate::HttpClientOptions::request_hook) of the options. None by default.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    ///
    /// # fn example(client: reqwest::Client) {
    /// let client = logfire_rs_reqwest::instrument(client).on_request(|span, request| {
    ///     span.set_attribute(KeyValue::new("has_timeout", request.timeout().is_some()));
    /// });
    /// # }
    /// ```
    #[must_use]
    pub fn on_request(
        mut self,
        hook: impl Fn(&RequestSpan, &Request) + Send + Sync + 'static,
    ) -> Self {
        self.recorder.on_request = Some(Arc::new(hook));
        self
    }

    /// The client of reqwest, whose requests are not recorded, for those who must have one.
    ///
    /// ```
    /// # fn example(client: logfire_rs_reqwest::Client) {
    /// let plain: reqwest::Client = client.into_inner();
    /// # }
    /// ```
    #[must_use]
    pub fn into_inner(self) -> reqwest::Client {
        self.inner
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives the client of reqwest, whose requests are not recorded.
impl AsRef<reqwest::Client> for Client {
    fn as_ref(&self) -> &reqwest::Client {
        &self.inner
    }
}

impl From<reqwest::Client> for Client {
    fn from(client: reqwest::Client) -> Self {
        crate::instrument(client)
    }
}

impl Service<Request> for Client {
    type Response = Response;
    type Error = reqwest::Error;
    type Future = Pending;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<reqwest::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Pending {
        self.execute(request)
    }
}

impl Service<Request> for &Client {
    type Response = Response;
    type Error = reqwest::Error;
    type Future = Pending;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<reqwest::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Pending {
        self.execute(request)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // That of reqwest shows the values of default headers.
        f.debug_struct("Client")
            .field("instrumenter", &self.recorder.instrumenter)
            .finish_non_exhaustive()
    }
}
