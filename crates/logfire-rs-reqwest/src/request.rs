//! A request builder with the methods of reqwest's.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use logfire_rs_core::PerRequest;
use opentelemetry::{Key, Value};
use reqwest::{Body, Request, Version};

use crate::recorder::Recorder;
use crate::{Client, Pending};

/// A [`reqwest::RequestBuilder`] whose request is recorded.
///
/// It has the methods of reqwest's, with the same effect.
#[must_use = "a request is sent by `send`, not by itself"]
pub struct RequestBuilder {
    inner: reqwest::RequestBuilder,
    recorder: Recorder,
    settings: PerRequest,
}

impl RequestBuilder {
    pub(crate) fn new(inner: reqwest::RequestBuilder, recorder: Recorder) -> Self {
        Self { inner, recorder, settings: PerRequest::default() }
    }

    /// Makes a builder of a client and a request, as [`reqwest::RequestBuilder::from_parts`] does.
    pub fn from_parts(client: Client, request: Request) -> Self {
        let inner = reqwest::RequestBuilder::from_parts(client.inner, request);
        Self::new(inner, client.recorder)
    }

    /// Adds a header, as [`reqwest::RequestBuilder::header`] does.
    pub fn header<K, V>(self, key: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|it| it.header(key, value))
    }

    /// Adds headers, as [`reqwest::RequestBuilder::headers`] does.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|it| it.headers(headers))
    }

    /// Adds a user name and password, as [`reqwest::RequestBuilder::basic_auth`] does.
    pub fn basic_auth<U: Display, P: Display>(self, username: U, password: Option<P>) -> Self {
        self.map(|it| it.basic_auth(username, password))
    }

    /// Adds a bearer token, as [`reqwest::RequestBuilder::bearer_auth`] does.
    pub fn bearer_auth<T: Display>(self, token: T) -> Self {
        self.map(|it| it.bearer_auth(token))
    }

    /// Sets the body, as [`reqwest::RequestBuilder::body`] does.
    pub fn body<T: Into<Body>>(self, body: T) -> Self {
        self.map(|it| it.body(body))
    }

    /// Limits how long the request may take, as [`reqwest::RequestBuilder::timeout`] does.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|it| it.timeout(timeout))
    }

    /// Sends a multipart form, as [`reqwest::RequestBuilder::multipart`] does.
    #[cfg(feature = "multipart")]
    pub fn multipart(self, multipart: reqwest::multipart::Form) -> Self {
        self.map(|it| it.multipart(multipart))
    }

    /// Adds to the query of the URL, as [`reqwest::RequestBuilder::query`] does.
    #[cfg(feature = "query")]
    pub fn query<T: serde::Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|it| it.query(query))
    }

    /// Sets the version of the protocol, as [`reqwest::RequestBuilder::version`] does.
    pub fn version(self, version: Version) -> Self {
        self.map(|it| it.version(version))
    }

    /// Sends a form, as [`reqwest::RequestBuilder::form`] does.
    #[cfg(feature = "form")]
    pub fn form<T: serde::Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|it| it.form(form))
    }

    /// Sends JSON, as [`reqwest::RequestBuilder::json`] does.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|it| it.json(json))
    }

    /// The request, as [`reqwest::RequestBuilder::build`] gives it.
    ///
    /// # Errors
    ///
    /// What reqwest found wrong with the URL, a header or the body.
    pub fn build(self) -> reqwest::Result<Request> {
        self.inner.build()
    }

    /// The client and the request, as [`reqwest::RequestBuilder::build_split`] gives them.
    pub fn build_split(self) -> (Client, reqwest::Result<Request>) {
        let (client, request) = self.inner.build_split();
        (Client::from_parts(client, self.recorder), request)
    }

    /// Sends the request, as [`reqwest::RequestBuilder::send`] does.
    ///
    /// The span is a child of the one that is active now, also if the future is spawned; one that is
    /// active when the future is polled first comes before it.
    pub fn send(self) -> Pending {
        let (client, request) = self.inner.build_split();
        Pending::new(Client::from_parts(client, self.recorder), request, self.settings)
    }

    /// A copy, unless the body is a stream, as [`reqwest::RequestBuilder::try_clone`] gives it.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self {
            inner: self.inner.try_clone()?,
            recorder: self.recorder.clone(),
            settings: self.settings.clone(),
        })
    }

    /// Tells the template of the URL's path: `url.template`, and the name `{method} {template}` of
    /// the span. None by default.
    ///
    /// ```
    /// # async fn example(client: logfire_rs_reqwest::Client, id: u32) -> reqwest::Result<()> {
    /// let request = client.get(format!("http://127.0.0.1:8000/users/{id}"));
    /// request.url_template("/users/{id}").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn url_template(self, template: impl Into<Cow<'static, str>>) -> Self {
        self.set(|it| it.url_template(template))
    }

    /// Names the span. By default it has the method, and the template if there is one.
    ///
    /// ```
    /// # async fn example(client: logfire_rs_reqwest::Client) -> reqwest::Result<()> {
    /// client.get("http://127.0.0.1:8000/").span_name("fetch the front page").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn span_name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.set(|it| it.span_name(name))
    }

    /// Adds an attribute to the span. None by default.
    ///
    /// ```
    /// # async fn example(client: logfire_rs_reqwest::Client) -> reqwest::Result<()> {
    /// client.get("http://127.0.0.1:8000/").attribute("tenant", "acme").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn attribute(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.set(|it| it.attribute(key, value))
    }

    /// Sends no trace context and no baggage along, such as to a foreign service. They are sent by
    /// default.
    ///
    /// ```
    /// # async fn example(client: logfire_rs_reqwest::Client) -> reqwest::Result<()> {
    /// client.get("http://127.0.0.1:8000/").no_propagation().send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn no_propagation(self) -> Self {
        self.set(PerRequest::no_propagation)
    }

    /// Sends the request as it is: no span, no metric, no header. It is recorded by default.
    ///
    /// ```
    /// # async fn example(client: logfire_rs_reqwest::Client) -> reqwest::Result<()> {
    /// client.get("http://127.0.0.1:8000/health").untraced().send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn untraced(self) -> Self {
        self.set(PerRequest::untraced)
    }

    fn set(mut self, change: impl FnOnce(PerRequest) -> PerRequest) -> Self {
        self.settings = change(self.settings);
        self
    }

    /// Calls what this builder does not have, such as a method of an extension trait.
    ///
    /// ```
    /// # async fn example(client: logfire_rs_reqwest::Client) -> reqwest::Result<()> {
    /// let ndjson = |it: reqwest::RequestBuilder| it.header("content-type", "application/x-ndjson");
    /// client.post("http://127.0.0.1:8000/rows").map(ndjson).body("{}\n").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map(
        mut self,
        change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Self {
        self.inner = change(self.inner);
        self
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // That of reqwest shows the URL and the values of headers.
        f.debug_struct("RequestBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
