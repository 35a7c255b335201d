//! A client builder with the methods of reqwest's, and those that record more.

use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue};
use reqwest::dns::Resolve;
use reqwest::redirect::Policy;

use crate::connect::{ConnectionLayer, Connections};
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
    pub fn dns(self, resolver: impl Resolve + 'static) -> Self {
        let instrumenter = self.recorder.instrumenter.clone();
        self.map(|it| it.dns_resolver(resolver::Recorded { inner: resolver, instrumenter }))
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
        cookies: std::sync::Arc<C>,
    ) -> Self {
        self.map(|it| it.cookie_provider(cookies))
    }
}

/// Methods that only pass on what they are given.
macro_rules! passed_on {
    ($($(#[$feature:meta])? $name:ident($($argument:ident: $type:ty),*);)*) => {
        impl ClientBuilder {$(
            #[doc = concat!("As [`reqwest::ClientBuilder::", stringify!($name), "`].")]
            $(#[$feature])?
            pub fn $name(self, $($argument: $type),*) -> Self {
                self.map(|it| it.$name($($argument),*))
            }
        )*}
    };
}

passed_on! {
    connect_timeout(timeout: Duration);
    connection_verbose(verbose: bool);
    default_headers(headers: HeaderMap);
    http1_allow_obsolete_multiline_headers_in_responses(value: bool);
    http1_allow_spaces_after_header_name_in_responses(value: bool);
    http1_ignore_invalid_headers_in_responses(value: bool);
    http1_max_headers(max: usize);
    http1_only();
    http1_title_case_headers();
    http09_responses();
    https_only(enabled: bool);
    local_address(address: impl Into<Option<std::net::IpAddr>>);
    no_brotli();
    no_deflate();
    no_gzip();
    no_hickory_dns();
    no_proxy();
    no_zstd();
    pool_idle_timeout(timeout: impl Into<Option<Duration>>);
    pool_max_idle_per_host(max: usize);
    proxy(proxy: reqwest::Proxy);
    read_timeout(timeout: Duration);
    resolve(domain: &str, address: std::net::SocketAddr);
    resolve_to_addrs(domain: &str, addresses: &[std::net::SocketAddr]);
    retry(policy: reqwest::retry::Builder);
    tcp_keepalive(time: impl Into<Option<Duration>>);
    tcp_keepalive_interval(interval: impl Into<Option<Duration>>);
    tcp_keepalive_retries(retries: impl Into<Option<u32>>);
    tcp_nodelay(enabled: bool);
    timeout(timeout: Duration);
    #[cfg(any(target_os = "linux", target_os = "macos"))] interface(interface: &str);
    #[cfg(feature = "brotli")] brotli(enable: bool);
    #[cfg(feature = "cookies")] cookie_store(enable: bool);
    #[cfg(feature = "deflate")] deflate(enable: bool);
    #[cfg(feature = "gzip")] gzip(enable: bool);
    #[cfg(feature = "hickory-dns")] hickory_dns(enable: bool);
    #[cfg(feature = "http2")] http2_adaptive_window(enabled: bool);
    #[cfg(feature = "http2")] http2_initial_connection_window_size(size: impl Into<Option<u32>>);
    #[cfg(feature = "http2")] http2_initial_stream_window_size(size: impl Into<Option<u32>>);
    #[cfg(feature = "http2")] http2_keep_alive_interval(interval: impl Into<Option<Duration>>);
    #[cfg(feature = "http2")] http2_keep_alive_timeout(timeout: Duration);
    #[cfg(feature = "http2")] http2_keep_alive_while_idle(enabled: bool);
    #[cfg(feature = "http2")] http2_max_frame_size(size: impl Into<Option<u32>>);
    #[cfg(feature = "http2")] http2_max_header_list_size(size: u32);
    #[cfg(feature = "http2")] http2_prior_knowledge();
    #[cfg(feature = "zstd")] zstd(enable: bool);
    #[cfg(feature = "rustls-no-provider")] add_root_certificate(certificate: reqwest::Certificate);
    #[cfg(feature = "rustls-no-provider")] danger_accept_invalid_certs(accept: bool);
    #[cfg(feature = "rustls-no-provider")] danger_accept_invalid_hostnames(accept: bool);
    #[cfg(feature = "rustls-no-provider")] identity(identity: reqwest::Identity);
    #[cfg(feature = "rustls-no-provider")] max_tls_version(version: reqwest::tls::Version);
    #[cfg(feature = "rustls-no-provider")] min_tls_version(version: reqwest::tls::Version);
    #[cfg(feature = "rustls-no-provider")] tls_certs_merge(certificates: impl IntoIterator<Item = reqwest::Certificate>);
    #[cfg(feature = "rustls-no-provider")] tls_certs_only(certificates: impl IntoIterator<Item = reqwest::Certificate>);
    #[cfg(feature = "rustls-no-provider")] tls_danger_accept_invalid_certs(accept: bool);
    #[cfg(feature = "rustls-no-provider")] tls_danger_accept_invalid_hostnames(accept: bool);
    #[cfg(feature = "rustls-no-provider")] tls_info(tls_info: bool);
    #[cfg(feature = "rustls-no-provider")] tls_sni(tls_sni: bool);
    #[cfg(feature = "rustls-no-provider")] tls_version_max(version: reqwest::tls::Version);
    #[cfg(feature = "rustls-no-provider")] tls_version_min(version: reqwest::tls::Version);
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
