//! The blocking client, recorded: as [`reqwest::blocking`], with the same differences as the
//! crate's root has to reqwest's.
//!
//! Spans end at the head of the response, and bodies of responses are not captured: a blocking
//! response cannot be taken apart. Connections and redirects belong to a thread of reqwest's own,
//! which knows no request.
//!
//! ```
//! # fn example() -> logfire_rs_reqwest::Result<()> {
//! let client = logfire_rs_reqwest::blocking::instrument(reqwest::blocking::Client::new());
//! let text = client.get("http://127.0.0.1:8000/hello").send()?.text()?;
//! # Ok(())
//! # }
//! ```

mod client_builder;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use logfire_rs_core::{ClientRequest, HttpClientOptions, PerRequest};
use opentelemetry::{Key, Value};
/// Everything else of [`reqwest::blocking`].
#[doc(no_inline)]
pub use reqwest::blocking::*;
use reqwest::{IntoUrl, Method, Version};

pub use self::client_builder::ClientBuilder;
use crate::carrier::{Lines, Outgoing};
use crate::recorder::{self, Recorder};

/// Instruments `client` with the defaults, and what the environment says.
///
/// ```
/// # fn example(client: reqwest::blocking::Client) -> logfire_rs_reqwest::Result<()> {
/// let client = logfire_rs_reqwest::blocking::instrument(client);
/// let text = client.get("http://127.0.0.1:8000/hello").send()?.text()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn instrument(client: reqwest::blocking::Client) -> Client {
    instrument_with(client, HttpClientOptions::default())
}

/// Instruments `client` with `options`; the environment key is `REQWEST`.
///
/// ```
/// use logfire_rs_reqwest::{HttpClientOptions, blocking};
///
/// # fn example(client: reqwest::blocking::Client) {
/// let options = HttpClientOptions::default().capture_response_headers(["retry-after"]);
/// let client = blocking::instrument_with(client, options);
/// # }
/// ```
#[must_use]
pub fn instrument_with(client: reqwest::blocking::Client, options: HttpClientOptions) -> Client {
    Client { inner: client, recorder: Recorder::new(options) }
}

/// Instruments the client that `builder` makes.
///
/// ```
/// use logfire_rs_reqwest::{HttpClientOptions, blocking};
///
/// # fn example() -> logfire_rs_reqwest::Result<()> {
/// let builder = reqwest::blocking::Client::builder().user_agent("example/1.0");
/// let client = blocking::instrument_builder(builder, HttpClientOptions::default()).build()?;
/// # Ok(())
/// # }
/// ```
pub fn instrument_builder(
    builder: reqwest::blocking::ClientBuilder,
    options: HttpClientOptions,
) -> ClientBuilder {
    ClientBuilder::from_parts(builder, Recorder::new(options))
}

/// A [`reqwest::blocking::Client`] whose requests are recorded.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::blocking::Client,
    recorder: Recorder,
}

/// Methods that start a request with one method of HTTP.
macro_rules! starts {
    ($($name:ident $method:ident;)*) => {$(
        #[doc = concat!("As [`reqwest::blocking::Client::", stringify!($name), "`].")]
        pub fn $name<U: IntoUrl>(&self, url: U) -> RequestBuilder {
            self.request(Method::$method, url)
        }
    )*};
}

impl Client {
    starts! { get GET; post POST; put PUT; patch PATCH; delete DELETE; head HEAD; }

    /// A new client with the defaults, as [`reqwest::blocking::Client::new`] makes it.
    ///
    /// # Panics
    ///
    /// As that of reqwest does.
    #[must_use]
    pub fn new() -> Self {
        instrument(reqwest::blocking::Client::new())
    }

    /// Starts to configure a client, as [`reqwest::blocking::Client::builder`] does.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// As [`reqwest::blocking::Client::request`].
    pub fn request<U: IntoUrl>(&self, method: Method, url: U) -> RequestBuilder {
        RequestBuilder {
            inner: self.inner.request(method, url),
            recorder: self.recorder.clone(),
            settings: PerRequest::default(),
        }
    }

    /// As [`reqwest::blocking::Client::execute`]; the span is a child of the active one.
    ///
    /// # Errors
    ///
    /// As that of reqwest.
    pub fn execute(&self, request: Request) -> reqwest::Result<Response> {
        self.send(request, &PerRequest::default())
    }

    /// The client of reqwest, whose requests are not recorded.
    #[must_use]
    pub fn into_inner(self) -> reqwest::blocking::Client {
        self.inner
    }

    fn send(&self, mut request: Request, settings: &PerRequest) -> reqwest::Result<Response> {
        let headers = Lines(request.headers());
        let described = ClientRequest {
            method: request.method().as_str(),
            url: request.url().as_str(),
            template: None,
            resend_count: 0,
            headers: &headers,
        };
        let instrumenter = &self.recorder.instrumenter;
        let Some(mut span) = instrumenter.start_here(&described, settings) else {
            return self.inner.execute(request);
        };
        if let Some(body) = request.body().map_or(Some(&[][..]), Body::as_bytes) {
            span.record_request_body(&headers, body);
        }
        span.inject(&mut Outgoing(request.headers_mut()));
        let result = {
            let _entered = span.enter();
            self.inner.execute(request)
        };
        match &result {
            Ok(response) => {
                let (lines, peer) = (Lines(response.headers()), response.remote_addr());
                let (status, version) = (response.status(), response.version());
                let head = recorder::head(status, response.url(), version, peer, &lines);
                span.record_response(&head);
            }
            Err(error) => recorder::failed(span, error),
        }
        result
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl From<reqwest::blocking::Client> for Client {
    fn from(client: reqwest::blocking::Client) -> Self {
        instrument(client)
    }
}

impl AsRef<reqwest::blocking::Client> for Client {
    fn as_ref(&self) -> &reqwest::blocking::Client {
        &self.inner
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

/// A [`reqwest::blocking::RequestBuilder`] whose request is recorded.
#[must_use = "a request is sent by `send`, not by itself"]
pub struct RequestBuilder {
    inner: reqwest::blocking::RequestBuilder,
    recorder: Recorder,
    settings: PerRequest,
}

impl RequestBuilder {
    /// As [`reqwest::blocking::RequestBuilder::from_parts`].
    pub fn from_parts(client: Client, request: Request) -> Self {
        let inner = reqwest::blocking::RequestBuilder::from_parts(client.inner, request);
        Self { inner, recorder: client.recorder, settings: PerRequest::default() }
    }

    /// As [`reqwest::blocking::RequestBuilder::header`].
    pub fn header<K, V>(self, key: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|it| it.header(key, value))
    }

    /// As [`reqwest::blocking::RequestBuilder::headers`].
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|it| it.headers(headers))
    }

    /// As [`reqwest::blocking::RequestBuilder::basic_auth`].
    pub fn basic_auth<U: Display, P: Display>(self, username: U, password: Option<P>) -> Self {
        self.map(|it| it.basic_auth(username, password))
    }

    /// As [`reqwest::blocking::RequestBuilder::bearer_auth`].
    pub fn bearer_auth<T: Display>(self, token: T) -> Self {
        self.map(|it| it.bearer_auth(token))
    }

    /// As [`reqwest::blocking::RequestBuilder::body`].
    pub fn body<T: Into<Body>>(self, body: T) -> Self {
        self.map(|it| it.body(body))
    }

    /// As [`reqwest::blocking::RequestBuilder::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|it| it.timeout(timeout))
    }

    /// As [`reqwest::blocking::RequestBuilder::multipart`].
    #[cfg(feature = "multipart")]
    pub fn multipart(self, multipart: multipart::Form) -> Self {
        self.map(|it| it.multipart(multipart))
    }

    /// As [`reqwest::blocking::RequestBuilder::query`].
    #[cfg(feature = "query")]
    pub fn query<T: serde::Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|it| it.query(query))
    }

    /// As [`reqwest::blocking::RequestBuilder::version`].
    pub fn version(self, version: Version) -> Self {
        self.map(|it| it.version(version))
    }

    /// As [`reqwest::blocking::RequestBuilder::form`].
    #[cfg(feature = "form")]
    pub fn form<T: serde::Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|it| it.form(form))
    }

    /// As [`reqwest::blocking::RequestBuilder::json`].
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|it| it.json(json))
    }

    /// As [`reqwest::blocking::RequestBuilder::build`].
    ///
    /// # Errors
    ///
    /// As that of reqwest.
    pub fn build(self) -> reqwest::Result<Request> {
        self.inner.build()
    }

    /// As [`reqwest::blocking::RequestBuilder::build_split`].
    pub fn build_split(self) -> (Client, reqwest::Result<Request>) {
        let (inner, request) = self.inner.build_split();
        (Client { inner, recorder: self.recorder }, request)
    }

    /// As [`reqwest::blocking::RequestBuilder::send`]; the span is a child of the active one.
    ///
    /// # Errors
    ///
    /// As that of reqwest.
    pub fn send(self) -> reqwest::Result<Response> {
        let (inner, request) = self.inner.build_split();
        Client { inner, recorder: self.recorder }.send(request?, &self.settings)
    }

    /// As [`reqwest::blocking::RequestBuilder::try_clone`].
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self {
            inner: self.inner.try_clone()?,
            recorder: self.recorder.clone(),
            settings: self.settings.clone(),
        })
    }

    /// As [`url_template`](crate::RequestBuilder::url_template) of the async client.
    pub fn url_template(self, template: impl Into<Cow<'static, str>>) -> Self {
        self.set(|it| it.url_template(template))
    }

    /// As [`span_name`](crate::RequestBuilder::span_name) of the async client.
    pub fn span_name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.set(|it| it.span_name(name))
    }

    /// As [`attribute`](crate::RequestBuilder::attribute) of the async client.
    pub fn attribute(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.set(|it| it.attribute(key, value))
    }

    /// As [`no_propagation`](crate::RequestBuilder::no_propagation) of the async client.
    pub fn no_propagation(self) -> Self {
        self.set(PerRequest::no_propagation)
    }

    /// As [`untraced`](crate::RequestBuilder::untraced) of the async client.
    pub fn untraced(self) -> Self {
        self.set(PerRequest::untraced)
    }

    /// Calls what this builder does not have.
    pub fn map(
        mut self,
        change: impl FnOnce(reqwest::blocking::RequestBuilder) -> reqwest::blocking::RequestBuilder,
    ) -> Self {
        self.inner = change(self.inner);
        self
    }

    fn set(mut self, change: impl FnOnce(PerRequest) -> PerRequest) -> Self {
        self.settings = change(self.settings);
        self
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // That of reqwest shows the URL and the values of headers.
        f.debug_struct("RequestBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Sends a `GET` request with a client of its own, as [`reqwest::blocking::get`] does.
///
/// # Errors
///
/// As that of reqwest.
pub fn get<T: IntoUrl>(url: T) -> reqwest::Result<Response> {
    Client::builder().build()?.get(url).send()
}
