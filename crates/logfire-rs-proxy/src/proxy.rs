//! The proxy itself.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use logfire_rs_core::{Headers, exclude_telemetry_proxy};
use logfire_rs_delivery::{Deliveries, Delivery, DeliveryCounts, Export, SubmitError, Unfinished};

use crate::environment::Warnings;
use crate::origins::{OriginHeaders, Origins, Verdict};
use crate::response::Encoding;
use crate::{ForwardResponse, LogfireProxyBuilder, Signal, Upload};

/// What the `User-Agent` begins with that the backend sees.
const AGENT: &str = concat!("logfire-proxy/", env!("CARGO_PKG_VERSION"));

/// Forwards the telemetry of browsers; see the [crate](crate).
///
/// A clone shares the queues, and has limits and origins of its own.
///
/// Each destination has a queue with a thread, which retries as the exporters do. Dropping the last clone does not wait
/// for them; [`LogfireProxy::shutdown`] does.
#[derive(Clone)]
pub struct LogfireProxy {
    forwarding: Arc<Forwarding>,
    max_body_size: usize,
    origins: Option<Origins>,
}

/// Where everything goes.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    pub(crate) ways: Vec<Way>,
    pub(crate) deliveries: Deliveries,
    pub(crate) warnings: Warnings,
}

/// A way out for one signal.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) signal: Signal,
    /// Below the base URL of the destination, or empty if that is the whole address.
    pub(crate) path: &'static str,
    /// The base URL, for counting.
    pub(crate) base_url: String,
    pub(crate) timeout: Duration,
    pub(crate) delivery: Arc<Delivery>,
}

/// A post that may be forwarded, without its body.
pub(crate) struct Head {
    signal: Signal,
    encoding: Encoding,
    /// All that the backend sees of the browser's headers.
    passed_on: Vec<(HeaderName, HeaderValue)>,
}

impl LogfireProxy {
    /// The largest body by default: 50 MiB.
    pub(crate) const MAX_BODY_SIZE: usize = 50 * 1024 * 1024;

    /// Begins a proxy that is built by hand; with `configure()` there is `Logfire::proxy` instead.
    ///
    /// ```
    /// use logfire_rs_proxy::LogfireProxy;
    ///
    /// # let builder = || LogfireProxy::builder().env_lookup(|_| None);
    /// let proxy = builder().tokens(["pylf_v1_eu_0123456789"]).finish()?;
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    pub fn builder() -> LogfireProxyBuilder {
        LogfireProxyBuilder::default()
    }

    pub(crate) fn new(forwarding: Forwarding) -> Self {
        exclude_telemetry_proxy();
        let max_body_size = Self::MAX_BODY_SIZE;
        Self { forwarding: Arc::new(forwarding), max_body_size, origins: None }
    }

    /// The largest body in bytes, as it is sent: compressed bytes count if it is compressed. 50 MiB by default.
    ///
    /// The mounts stop reading there, and the limits that frameworks have for their own extractors do not apply.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None).finish()?;
    /// let proxy = proxy.max_body_size(1024 * 1024);
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    #[must_use]
    pub const fn max_body_size(mut self, bytes: usize) -> Self {
        self.max_body_size = bytes;
        self
    }

    /// The origins whose pages may post, for mounts to answer the preflights of their browsers: exact ones, such as
    /// `https://shop.example`. None by default, and CORS is left to the framework.
    ///
    /// With a list, also an empty one, a post from the page of another origin is `403`, except from a page of the
    /// server itself; without an `Origin` header it passes. An entry that is no origin is told and left out.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None).finish()?;
    /// let proxy = proxy.allowed_origins(["https://shop.example", "http://localhost:5173"]);
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    #[must_use]
    pub fn allowed_origins<S: AsRef<str>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        let tell = |origin: &str| {
            let warning =
                format!("`{origin}` is ignored: not an origin like `https://host[:port]`");
            self.forwarding.warnings.warn(&warning);
        };
        self.origins = Some(Origins::new(origins, tell));
        self
    }

    /// Checks a body that a browser has posted to `path`, queues it for every destination, and answers. It never
    /// blocks.
    ///
    /// `path` is what follows the mount in the URL: `v1/traces`, `v1/logs` or `v1/metrics`, percent-encoded or not.
    /// Method, origin and a body that is still arriving are the business of [`LogfireProxy::receive`].
    ///
    /// The answer is that of Logfire's Python SDK: `400` for another path, `413` for a body above the limit, `415`
    /// without a content type of OTLP, `403` without a destination, else `200`, with the partial success of OTLP if a
    /// queue has no room. See the example of the [crate](crate).
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a body is handed over, not lent")]
    pub fn forward(&self, path: &str, headers: &dyn Headers, body: Bytes) -> ForwardResponse {
        let Some(signal) = Signal::posted_to(path) else { return invalid_path() };
        if body.len() > self.max_body_size {
            return ForwardResponse::too_large();
        }
        match self.head(signal, headers) {
            Ok(head) => self.queue(&head, &body),
            Err(response) => response,
        }
    }

    /// What is known of a post before its body is there; the answer if it cannot be forwarded.
    fn head(&self, signal: Signal, headers: &dyn Headers) -> Result<Head, ForwardResponse> {
        let content_type = headers.first("content-type").filter(|value| !value.bytes.is_empty());
        let Some(content_type) = content_type else {
            return Err(ForwardResponse::text(415, "Missing content type header"));
        };
        let value = HeaderValue::from_bytes(content_type.bytes).ok();
        let Some((encoding, content_type)) = Encoding::of(content_type.bytes).zip(value) else {
            let text =
                "Unsupported content type, must be application/json or application/x-protobuf";
            return Err(ForwardResponse::text(415, text));
        };
        if self.ways(signal).next().is_none() {
            let text = "Logfire is not configured with an active forwarding destination";
            return Err(ForwardResponse::text(403, text));
        }
        Ok(Head { signal, encoding, passed_on: passed_on(content_type, headers) })
    }

    /// Queues `body` for every destination of its signal.
    pub(crate) fn queue(&self, head: &Head, body: &Bytes) -> ForwardResponse {
        let submit = |way: &Way| {
            let export = Export::new(way.path, "", body.clone()).timeout(way.timeout);
            let export = head
                .passed_on
                .iter()
                .cloned()
                .fold(export, |export, (name, value)| export.header(name, value));
            way.delivery.submit(export)
        };
        let ways = self.ways(head.signal);
        let refusals: Vec<_> = ways.filter_map(|way| Some((way, submit(way).err()?))).collect();
        ForwardResponse::accepted(head.encoding, head.signal, refusal(&refusals).as_deref())
    }

    fn ways(&self, signal: Signal) -> impl Iterator<Item = &Way> {
        self.forwarding.ways.iter().filter(move |way| way.signal == signal)
    }

    /// Judges a request by its head, for a mount, which then pushes the body into the [`Upload`] as it arrives.
    ///
    /// `path` is what follows the mount in the URL, percent-encoded as it came, or, if the route has no such parameter,
    /// how to write it: `{*path}`.
    ///
    /// # Errors
    ///
    /// The answer, if there is no reason to read the body: `405` for another method than `POST`, `413` and `400` for a
    /// `Content-Length` that is too large or none, then what [`LogfireProxy::forward`] answers to this path and these
    /// headers, and with a list of [origins](Self::allowed_origins) `204` or `403` for a preflight and `403` for a post
    /// from elsewhere.
    ///
    /// ```
    /// # struct Json;
    /// # impl logfire_rs_core::Headers for Json {
    /// #     fn first(&self, name: &str) -> Option<logfire_rs_core::HeaderValue<'_>> {
    /// #         (name == "content-type").then(|| "application/json".into())
    /// #     }
    /// #     fn each(&self, _: &str, _: &mut dyn FnMut(logfire_rs_core::HeaderValue<'_>)) {}
    /// #     fn each_pair(&self, _: &mut dyn FnMut(&str, logfire_rs_core::HeaderValue<'_>)) {}
    /// # }
    /// # let headers = Json;
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None);
    /// # let proxy = proxy.tokens(["pylf_v1_us_1"]).base_url("http://127.0.0.1:1").finish()?;
    /// assert_eq!(proxy.receive("GET", Ok("v1/traces"), &headers).unwrap_err().status, 405);
    /// assert_eq!(proxy.receive("POST", Ok("v1/replay"), &headers).unwrap_err().status, 400);
    ///
    /// let mut upload = proxy.max_body_size(4).receive("POST", Ok("v1/traces"), &headers).unwrap();
    /// assert!(upload.push(b"1234").is_ok());
    /// assert_eq!(upload.push(b"5").unwrap_err().status, 413);
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    pub fn receive(
        &self,
        method: &str,
        path: Result<&str, &str>,
        headers: &dyn Headers,
    ) -> Result<Upload, ForwardResponse> {
        let answer = match self.origins.as_ref().map(|origins| origins.judge(method, headers)) {
            None => OriginHeaders::default(),
            Some(Verdict::Allowed(answer)) => answer,
            Some(Verdict::Answered(response)) => return Err(response),
        };
        if method != "POST" {
            let allow = if self.origins.is_some() { "POST, OPTIONS" } else { "POST" };
            let headers = vec![("allow", allow.to_owned())];
            let body = Bytes::from_static(b"Method Not Allowed");
            return Err(answer.complete(ForwardResponse { status: 405, headers, body }));
        }
        let judge = || {
            let length = self.announced_length(headers)?;
            let signal = Signal::posted_to(path.map_err(missing_path)?).ok_or_else(invalid_path)?;
            Ok((self.head(signal, headers)?, length))
        };
        match judge() {
            Ok((head, length)) => Ok(Upload::new(self, head, length, answer)),
            Err(response) => Err(answer.complete(response)),
        }
    }

    /// What `Content-Length` says, zero if it says nothing.
    fn announced_length(&self, headers: &dyn Headers) -> Result<usize, ForwardResponse> {
        let Some(length) = headers.first("content-length") else { return Ok(0) };
        let length = length.as_str().unwrap_or_default().trim();
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ForwardResponse::text(400, "Invalid Content-Length header"));
        }
        // A number that cannot be held is too large.
        let length = length.parse().ok().filter(|length| *length <= self.max_body_size);
        length.ok_or_else(ForwardResponse::too_large)
    }

    pub(crate) const fn body_limit(&self) -> usize {
        self.max_body_size
    }

    /// Waits at most `timeout` until what was queued before has been delivered.
    ///
    /// # Errors
    ///
    /// If time is up, or something was lost meanwhile; one per destination.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None).finish()?;
    /// assert!(proxy.flush(std::time::Duration::from_secs(5)).is_ok());
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    pub fn flush(&self, timeout: Duration) -> Result<(), Vec<Unfinished>> {
        nothing(self.forwarding.deliveries.flush(timeout))
    }

    /// Takes nothing more, of any clone, and waits at most `timeout` until what was queued before has been delivered;
    /// what has not by then is dropped.
    ///
    /// # Errors
    ///
    /// If time is up, or something was lost meanwhile; one per destination.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None).finish()?;
    /// assert!(proxy.shutdown(std::time::Duration::from_secs(30)).is_ok());
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Vec<Unfinished>> {
        nothing(self.forwarding.deliveries.shutdown(timeout))
    }

    /// The queues, for whoever flushes and shuts down others at the same time.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None).finish()?;
    /// assert_eq!(proxy.deliveries().iter().count(), 0);
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    #[must_use]
    pub fn deliveries(&self) -> &Deliveries {
        &self.forwarding.deliveries
    }

    /// What became of the posts so far and what waits, for each destination.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None);
    /// let proxy = proxy.tokens(["pylf_v1_us_1", "pylf_v1_us_2"]).finish()?;
    /// assert_eq!(proxy.counts().iter().map(|counts| counts.waiting).collect::<Vec<_>>(), [0, 0]);
    /// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
    /// ```
    #[must_use]
    pub fn counts(&self) -> Vec<DeliveryCounts> {
        self.forwarding.deliveries.iter().map(|delivery| delivery.counts()).collect()
    }
}

/// A proxy without destinations: every post is answered with `403`.
impl Default for LogfireProxy {
    fn default() -> Self {
        Self::new(Forwarding::default())
    }
}

impl fmt::Debug for LogfireProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogfireProxy")
            .field("deliveries", &self.forwarding.deliveries)
            .field("max_body_size", &self.max_body_size)
            .field("allowed_origins", &self.origins)
            .finish()
    }
}

fn missing_path(usage: &str) -> ForwardResponse {
    let text = format!("Missing path parameter. Use {usage} in the route definition.");
    ForwardResponse::text(400, text)
}

fn invalid_path() -> ForwardResponse {
    ForwardResponse::text(400, "Invalid path: must be /v1/traces, /v1/logs, or /v1/metrics")
}

fn passed_on(content_type: HeaderValue, headers: &dyn Headers) -> Vec<(HeaderName, HeaderValue)> {
    let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).ok();
    let agent = headers.first("user-agent");
    let agent = agent.and_then(|agent| value(&[AGENT.as_bytes(), b" ", agent.bytes].concat()));
    let mut passed_on = vec![
        (header::CONTENT_TYPE, content_type),
        (header::USER_AGENT, agent.unwrap_or_else(|| HeaderValue::from_static(AGENT))),
    ];
    let encoding = headers.first("content-encoding").and_then(|encoding| value(encoding.bytes));
    passed_on.extend(encoding.map(|encoding| (header::CONTENT_ENCODING, encoding)));
    passed_on
}

/// What a browser is told of the queues that took nothing.
fn refusal(refusals: &[(&Way, SubmitError)]) -> Option<String> {
    if refusals.is_empty() {
        return None;
    }
    if refusals.iter().all(|(_, error)| *error == SubmitError::Closed) {
        return Some("Forwarding manager is closed; request was locally dropped.".to_owned());
    }
    let urls: BTreeSet<_> = refusals.iter().map(|(way, _)| way.base_url.as_str()).collect();
    let urls = urls.len();
    Some(format!("Forwarding request was locally dropped for {urls} backend URL(s)."))
}

fn nothing(unfinished: Vec<Unfinished>) -> Result<(), Vec<Unfinished>> {
    if unfinished.is_empty() { Ok(()) } else { Err(unfinished) }
}
