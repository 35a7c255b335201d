//! A blocking client builder with the methods of reqwest's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue};
use reqwest::dns::Resolve;

use super::Client;
use crate::passed_on::{passed_on, passed_on_by_both};
use crate::recorder::Recorder;

/// A [`reqwest::blocking::ClientBuilder`] whose client is recorded.
///
/// [`instrument_builder`](super::instrument_builder) makes one of a builder of reqwest. The few
/// methods that it does not have are reached through [`map`](Self::map).
///
/// ```
/// use std::time::Duration;
///
/// # fn example() -> logfire_rs_reqwest::Result<()> {
/// let client = logfire_rs_reqwest::blocking::Client::builder()
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder {
    inner: reqwest::blocking::ClientBuilder,
    recorder: Recorder,
}

impl ClientBuilder {
    pub(super) fn from_parts(inner: reqwest::blocking::ClientBuilder, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }

    /// A builder with the defaults of reqwest.
    pub fn new() -> Self {
        let options = crate::HttpClientOptions::default();
        Self::from_parts(reqwest::blocking::ClientBuilder::new(), Recorder::new(options))
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// As [`reqwest::blocking::ClientBuilder::build`].
    pub fn build(self) -> reqwest::Result<Client> {
        Ok(Client { inner: self.inner.build()?, recorder: self.recorder })
    }

    /// Calls what this builder does not have.
    pub fn map(
        mut self,
        change: impl FnOnce(reqwest::blocking::ClientBuilder) -> reqwest::blocking::ClientBuilder,
    ) -> Self {
        self.inner = change(self.inner);
        self
    }

    /// As [`reqwest::blocking::ClientBuilder::user_agent`].
    pub fn user_agent<V>(self, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        self.map(|it| it.user_agent(value))
    }

    /// As [`reqwest::blocking::ClientBuilder::cookie_provider`].
    #[cfg(feature = "cookies")]
    pub fn cookie_provider<C: reqwest::cookie::CookieStore + 'static>(
        self,
        cookies: Arc<C>,
    ) -> Self {
        self.map(|it| it.cookie_provider(cookies))
    }

    /// As [`reqwest::blocking::ClientBuilder::dns_resolver`].
    pub fn dns_resolver<R: Resolve + 'static>(self, resolver: Arc<R>) -> Self {
        self.map(|it| it.dns_resolver(resolver))
    }

    /// As [`reqwest::blocking::ClientBuilder::unix_socket`].
    #[cfg(unix)]
    pub fn unix_socket(self, path: impl AsRef<std::path::Path>) -> Self {
        self.map(|it| it.unix_socket(path.as_ref()))
    }
}

passed_on_by_both!("reqwest::blocking::ClientBuilder");

passed_on! {
    "reqwest::blocking::ClientBuilder":
    connect_timeout(timeout: impl Into<Option<Duration>>);
    redirect(policy: reqwest::redirect::Policy);
    referer(enable: bool);
    timeout(timeout: impl Into<Option<Duration>>);
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
