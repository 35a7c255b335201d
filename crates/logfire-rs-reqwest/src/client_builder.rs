//! A client builder with the methods of reqwest's, and those that record more.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue};
use reqwest::dns::Resolve;
use reqwest::redirect::Policy;

use crate::connect::{ConnectionLayer, Connections};
use crate::passed_on::{passed_on, passed_on_by_both};
use crate::recorder::Recorder;
use crate::{Client, hops, resolver};

/// A [`reqwest::ClientBuilder`] whose client is recorded.
///
/// [`instrument_builder`](crate::instrument_builder) makes one of a builder of reqwest. With
/// `use logfire_rs_reqwest as reqwest` it stands in the place of reqwest's and has its methods; the
/// few that it does not have are reached through [`map`](Self::map).
///
/// ```
/// use std::time::Duration;
///
/// # fn example() -> logfire_rs_reqwest::Result<()> {
/// let client = logfire_rs_reqwest::Client::builder()
///     .timeout(Duration::from_secs(5))
///     .connections()
///     .map(|it| it.tcp_nodelay(true))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder {
    inner: reqwest::ClientBuilder,
    recorder: Recorder,
}

impl ClientBuilder {
    pub(crate) fn from_parts(inner: reqwest::ClientBuilder, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }

    /// A builder with the defaults of reqwest, whose redirects are recorded.
    pub fn new() -> Self {
        let recorder = Recorder::new(crate::HttpClientOptions::default());
        Self::from_parts(reqwest::ClientBuilder::new(), recorder).redirect(Policy::default())
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// As [`reqwest::ClientBuilder::build`].
    pub fn build(self) -> reqwest::Result<Client> {
        Ok(Client::from_parts(self.inner.build()?, self.recorder))
    }

    /// Records each connection that is set up as a span `HTTP connection_setup {host}:{port}`, and
    /// on each request whether its connection was there before: `http.connection.reused`, and a
    /// link to the span of a new one. Not by default.
    ///
    /// ```
    /// # fn example() -> logfire_rs_reqwest::Result<()> {
    /// let client = logfire_rs_reqwest::Client::builder().connections().build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connections(mut self) -> Self {
        let connections = Connections::default();
        let layer = ConnectionLayer {
            instrumenter: self.recorder.instrumenter.clone(),
            connections: connections.clone(),
        };
        self.recorder.connections = Some(connections);
        self.map(|it| it.connector_layer(layer))
    }

    /// Resolves names with `resolver`, and records each lookup as a span `DNS lookup {name}`. By
    /// default they are not recorded.
    ///
    /// It replaces the resolver of the builder, which cannot be read back: pass the same again, or
    /// [`SystemResolver`](crate::SystemResolver).
    ///
    /// ```
    /// use logfire_rs_reqwest::SystemResolver;
    ///
    /// # fn example() -> logfire_rs_reqwest::Result<()> {
    /// let client = logfire_rs_reqwest::Client::builder().dns(SystemResolver).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn dns(self, resolver: impl Resolve + 'static) -> Self {
        let instrumenter = self.recorder.instrumenter.clone();
        self.map(|it| it.dns_resolver(resolver::Recorded { inner: resolver, instrumenter }))
    }

    /// As [`dns`](Self::dns).
    pub fn dns_resolver<R: Resolve + ?Sized + 'static>(self, resolver: Arc<R>) -> Self {
        self.dns(resolver::Shared(resolver))
    }

    /// Follows redirects as `policy` says, and records each as an event `http.redirect`, and their
    /// number as `http.request.resend_count`.
    ///
    /// By default a redirect is seen only by the URL that answers in the end. It replaces the
    /// policy of the builder, which cannot be read back, and ends [`hop_spans`](Self::hop_spans).
    ///
    /// ```
    /// use logfire_rs_reqwest::{HttpClientOptions, redirect::Policy};
    ///
    /// # fn example() -> logfire_rs_reqwest::Result<()> {
    /// let options = HttpClientOptions::default();
    /// let client = logfire_rs_reqwest::instrument_builder(reqwest::Client::builder(), options)
    ///     .redirects(Policy::limited(5))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirects(mut self, policy: Policy) -> Self {
        self.recorder.hops = false;
        let instrumenter = self.recorder.instrumenter.clone();
        let recorded = Policy::custom(move |attempt| {
            instrumenter.redirected(attempt.status().as_u16(), attempt.url().as_str());
            policy.redirect(attempt)
        });
        self.map(|it| it.redirect(recorded))
    }

    /// Records each request that a redirect on the same server leads to as a span of its own, with a
    /// trace header of its own, and `http.request.resend_count`. By default there is one span over
    /// all of them.
    ///
    /// From the first redirect to another scheme, host or port on, reqwest follows itself, as it does
    /// without this: it takes the credentials out, also those of its default headers. All of that is
    /// part of the span of the request that was redirected there, with one event `http.redirect` that
    /// tells where it ended.
    ///
    /// At most ten redirects are followed, as reqwest does by default, else the error is that of a
    /// redirect. The last of this and a [policy](Self::redirects) counts, also of one that
    /// [`map`](Self::map) sets. A timeout of the client counts for each of the requests that are
    /// sent here; that of a request counts for all. Whether they have a `referer` is what
    /// [`referer`](Self::referer) says here: that of the builder cannot be read back.
    ///
    /// ```
    /// # fn example() -> logfire_rs_reqwest::Result<()> {
    /// let client = logfire_rs_reqwest::Client::builder().hop_spans().build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn hop_spans(mut self) -> Self {
        self.recorder.hops = true;
        let policy = hops::policy(self.recorder.instrumenter.clone());
        self.map(|it| it.redirect(policy))
    }

    /// As [`redirects`](Self::redirects).
    pub fn redirect(self, policy: Policy) -> Self {
        self.redirects(policy)
    }

    /// Calls what this builder does not have.
    pub fn map(
        mut self,
        change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        self.inner = change(self.inner);
        self
    }

    /// As [`reqwest::ClientBuilder::user_agent`].
    pub fn user_agent<V>(self, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        self.map(|it| it.user_agent(value))
    }

    /// As [`reqwest::ClientBuilder::referer`].
    pub fn referer(mut self, enable: bool) -> Self {
        self.recorder.referer = enable;
        self.map(|it| it.referer(enable))
    }

    /// As [`reqwest::ClientBuilder::cookie_provider`].
    #[cfg(feature = "cookies")]
    pub fn cookie_provider<C: reqwest::cookie::CookieStore + 'static>(
        self,
        cookies: Arc<C>,
    ) -> Self {
        self.map(|it| it.cookie_provider(cookies))
    }

    /// As [`reqwest::ClientBuilder::unix_socket`].
    #[cfg(unix)]
    pub fn unix_socket(self, path: impl AsRef<std::path::Path>) -> Self {
        self.map(|it| it.unix_socket(path.as_ref()))
    }
}

passed_on_by_both!("reqwest::ClientBuilder");

passed_on! {
    "reqwest::ClientBuilder":
    connect_timeout(timeout: Duration);
    read_timeout(timeout: Duration);
    timeout(timeout: Duration);
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // That of reqwest shows the values of default headers.
        f.debug_struct("ClientBuilder")
            .field("instrumenter", &self.recorder.instrumenter)
            .finish_non_exhaustive()
    }
}
