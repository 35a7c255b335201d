//! Where telemetry goes: a base URL, headers, a timeout.

mod proxy;
mod request;
mod tls;
mod url;

use std::{fmt, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};

use crate::Region;
use tls::Identity;
use url::{has_host_and_good_port, without_credentials, without_secrets};

/// What would contradict the body of an export.
const OF_THE_BODY: [HeaderName; 3] = [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING];

/// Where telemetry goes and how: base URL, headers, timeout per request and compression.
///
/// By default no headers, 10 seconds and gzip. Header values may be secrets: `Debug` shows names only.
///
/// ```
/// use logfire_rs_delivery::Destination;
///
/// let destination = Destination::logfire("pylf_v1_eu_secret")?;
/// assert_eq!(destination.to_string(), "https://logfire-eu.pydantic.dev");
/// assert!(!format!("{destination:?}").contains("secret"));
/// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    base_url: String,
    headers: HeaderMap,
    timeout: Duration,
    compression: Compression,
    environment_proxy: bool,
    root_certificates: Option<Arc<[u8]>>,
    identity: Option<Identity>,
    #[cfg(feature = "grpc")]
    grpc: bool,
}

/// How a body is compressed before it is sent, unless it says itself that it is encoded already.
///
/// ```
/// use logfire_rs_delivery::{Compression, Destination};
///
/// let destination = Destination::new("http://localhost:4318")?.compression(Compression::None);
/// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    None,
    /// `Content-Encoding: gzip`, the default, as Logfire's own SDKs send it.
    #[default]
    Gzip,
}

impl Destination {
    /// A destination without headers; the path of each export is appended to the path of `base_url`.
    ///
    /// # Errors
    ///
    /// If `base_url` is not an absolute `http` or `https` URL with a host.
    ///
    /// ```
    /// use logfire_rs_delivery::Destination;
    ///
    /// assert_eq!(Destination::new("http://localhost:4318/")?.to_string(), "http://localhost:4318");
    /// assert_eq!(
    ///     Destination::new("localhost:4318").unwrap_err().to_string(),
    ///     "`localhost:4318` is not a URL like `https://host[:port][/path]`",
    /// );
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    pub fn new(base_url: &str) -> Result<Self, InvalidDestination> {
        let base_url = base_url.trim();
        let valid = base_url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(has_host_and_good_port)
        });
        if !valid || base_url.contains('#') {
            return Err(InvalidDestination(format!(
                "`{}` is not a URL like `https://host[:port][/path]`",
                without_secrets(base_url)
            )));
        }
        Ok(Self {
            base_url: base_url.to_owned(),
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            compression: Compression::default(),
            environment_proxy: false,
            root_certificates: None,
            identity: None,
            #[cfg(feature = "grpc")]
            grpc: false,
        })
    }

    /// The region of a Logfire write token, with the token as `Authorization`; US if the token names no known region.
    ///
    /// The header is the bare token without `Bearer`, as Logfire's Python SDK sends it.
    ///
    /// # Errors
    ///
    /// If the token holds characters that a header cannot carry.
    ///
    /// ```
    /// # use logfire_rs_delivery::Destination;
    /// assert_eq!(Destination::logfire("unknown")?.to_string(), "https://logfire-us.pydantic.dev");
    /// assert!(Destination::logfire("two\nlines").is_err());
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    pub fn logfire(token: &str) -> Result<Self, InvalidDestination> {
        let region = Region::of_token(token).unwrap_or(Region::Us);
        Self::new(region.base_url())?.header(AUTHORIZATION.as_str(), token)
    }

    /// Sends a header with every request, instead of an earlier one of the same name.
    ///
    /// # Errors
    ///
    /// If `name` or `value` cannot be a header, or if it would say how the body is sent, as `content-length` does. The
    /// error shows neither the value nor what of the name may be one.
    ///
    /// ```
    /// # use logfire_rs_delivery::Destination;
    /// let destination = Destination::new("http://localhost:4318")?.header("x-team", "a")?;
    /// assert_eq!(
    ///     Destination::new("http://localhost:4318")?.header("x team", "a").unwrap_err().to_string(),
    ///     "`x…` is not a header name",
    /// );
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidDestination> {
        let header = HeaderName::try_from(name)
            .map_err(|_| InvalidDestination(format!("`{}` is not a header name", start(name))))?;
        if OF_THE_BODY.contains(&header) {
            return Err(InvalidDestination(format!("`{header}` is said by each body itself")));
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            InvalidDestination(format!("the value of `{name}` cannot be sent in a header"))
        })?;
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(self)
    }

    /// How long one request may take, from resolving the name to the last byte of the answer.
    ///
    /// 10 seconds by default; at least one millisecond, at most a day.
    ///
    /// ```
    /// # use {logfire_rs_delivery::Destination, std::time::Duration};
    /// let destination = Destination::new("http://localhost:4318")?.timeout(Duration::from_secs(3));
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = within_bounds(timeout);
        self
    }

    /// How bodies are compressed. Gzip by default.
    ///
    /// ```
    /// # use logfire_rs_delivery::{Compression, Destination};
    /// let destination = Destination::new("http://localhost:4318")?.compression(Compression::None);
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Whether the proxies of the process environment are obeyed: that in `HTTPS_PROXY` for `https`, in `HTTP_PROXY` for
    /// `http`, else in `ALL_PROXY`, but not to the hosts and domains in `NO_PROXY`.
    ///
    /// No by default. A loopback destination is always reached directly. A proxy has to know `CONNECT`, also for `http`.
    ///
    /// ```
    /// # use logfire_rs_delivery::Destination;
    /// let destination = Destination::logfire("pylf_v1_us_x")?.environment_proxy(true);
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    #[must_use]
    pub const fn environment_proxy(mut self, obey: bool) -> Self {
        self.environment_proxy = obey;
        self
    }

    /// Speaks gRPC: exports are calls, and their paths name the methods. Plain HTTP by default.
    ///
    /// What follows the host and the port of the base URL plays no part then, and no proxy is used.
    ///
    /// ```
    /// # use logfire_rs_delivery::{Destination, Export};
    /// let destination = Destination::new("http://localhost:4317")?.grpc();
    /// let method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    /// let export = Export::new(method, "application/grpc", vec![10, 0]);
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    #[cfg(feature = "grpc")]
    #[must_use]
    pub const fn grpc(mut self) -> Self {
        self.grpc = true;
        self
    }
}

/// A timeout that clients can add to the time.
pub(crate) fn within_bounds(timeout: Duration) -> Duration {
    timeout.clamp(Duration::from_millis(1), Duration::from_secs(24 * 60 * 60))
}

/// The base URL without credentials, query and final slash.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = without_credentials(&self.base_url);
        f.write_str(url.split('?').next().unwrap_or_default().trim_end_matches('/'))
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("base_url", &self.to_string())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

/// Why a [`Destination`] cannot be: a text that names the part, never a secret.
///
/// ```
/// use logfire_rs_delivery::Destination;
///
/// let error = Destination::new("ftp://user:pw@host").unwrap_err();
/// assert_eq!(error.to_string(), "`ftp://REDACTED@host` is not a URL like `https://host[:port][/path]`");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidDestination(String);

impl fmt::Display for InvalidDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `main` prints of an error that it returns is this: the text, for people.
impl fmt::Debug for InvalidDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InvalidDestination {}

/// What of `name` can be part of a name: after a colon in the wrong place comes a value.
fn start(name: &str) -> String {
    let end = name.find(|it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_');
    format!("{}…", name.get(..end.unwrap_or(name.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn base_urls_are_checked() {
        for url in [
            "http://a",
            "https://a:1/b",
            "http://[::1]:4318",
            " http://a/ ",
            "http://u:p@a/x//",
            "http://a?x=1",
        ] {
            assert!(Destination::new(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "a",
            "/a",
            "http://",
            "http:///x",
            "ftp://a",
            "http://a b",
            "http://a#x",
            "http://a:b",
        ] {
            assert!(Destination::new(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_error_shows_no_secret_of_what_it_refuses() {
        for (url, shown) in [
            ("user:hunter2@host:1", "REDACTED@host:1"),
            ("https://user:p#ss@host", "https://REDACTED@host"),
            ("https://user:p/s?s@host:x", "https://REDACTED@host:x"),
            ("ftp://host?key=hunter2", "ftp://host?…"),
            ("http://host#hunter2", "http://host#…"),
        ] {
            let expected = format!("`{shown}` is not a URL like `https://host[:port][/path]`");
            assert_eq!(Destination::new(url).unwrap_err().to_string(), expected);
        }
        let header = Destination::new("http://a").unwrap().header("authorization: hunter2", "");
        assert_eq!(header.unwrap_err().to_string(), "`authorization…` is not a header name");
    }

    #[test]
    fn no_header_contradicts_the_body() {
        for name in ["Content-Length", "content-encoding", "transfer-encoding"] {
            let error = Destination::new("http://a").unwrap().header(name, "3").unwrap_err();
            let name = name.to_ascii_lowercase();
            assert_eq!(error.to_string(), format!("`{name}` is said by each body itself"));
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let destination = Destination::new("https://user:hunter2@host/base/?key=hunter2")
            .and_then(|destination| destination.header("authorization", "hunter2"))
            .unwrap();
        assert_eq!(
            format!("{destination:?}"),
            "Destination { base_url: \"https://REDACTED@host/base\", headers: [\"authorization\"], \
             timeout: 10s, compression: Gzip, .. }"
        );
        let error = destination.header("x", "hunter2\n").unwrap_err();
        assert_eq!(error.to_string(), "the value of `x` cannot be sent in a header");
    }
}
