//! The settings of servers.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, Tracer, TracerProvider};

use super::shared::{SharedOptions, shared_setters, strings};
use crate::endpoint::{EndpointArguments, EndpointLimits};
use crate::environment::Environment;
use crate::forwarded::TrustedProxies;
use crate::message::{Frame, ServerRequest, ServerResponse};
use crate::redaction::{FilterUrl, UrlRedaction};
use crate::request_span::RequestSpan;

type ServerExclude = Arc<dyn Fn(&ServerRequest<'_>) -> bool + Send + Sync>;
type Details = Arc<dyn Fn(&ServerRequest<'_>) -> SpanDetails + Send + Sync>;
type ServerRequestHook = Arc<dyn Fn(&RequestSpan, &ServerRequest<'_>) + Send + Sync>;
type ServerResponseHook = Arc<dyn Fn(&RequestSpan, &ServerResponse<'_>) + Send + Sync>;
type ArgumentsMapper =
    Arc<dyn Fn(&RequestSpan, EndpointArguments) -> EndpointArguments + Send + Sync>;
pub(crate) type FrameHook = Arc<dyn Fn(&RequestSpan, &Frame<'_>) + Send + Sync>;

/// What is recorded of the requests that a server receives.
///
/// The same value configures every framework. What is not set is read from the environment once,
/// when the adapter is built, or has the default that its setter names.
///
/// ```
/// use logfire_rs_core::HttpServerOptions;
///
/// let options = HttpServerOptions::default()
///     .excluded_urls(["^/health$"])
///     .capture_request_headers(["content-type"]);
/// ```
#[derive(Clone, Default)]
pub struct HttpServerOptions {
    pub(crate) shared: SharedOptions,
    pub(crate) exclude: Option<ServerExclude>,
    pub(crate) exclude_routes: Vec<String>,
    pub(crate) exclude_children: Option<bool>,
    pub(crate) span_details: Option<Details>,
    pub(crate) request_hook: Option<ServerRequestHook>,
    pub(crate) response_hook: Option<ServerResponseHook>,
    pub(crate) receive_hook: Option<FrameHook>,
    pub(crate) send_hook: Option<FrameHook>,
    pub(crate) record_send_receive: bool,
    pub(crate) request_attributes_mapper: Option<ArgumentsMapper>,
    pub(crate) extra_spans: bool,
    pub(crate) endpoint_limits: EndpointLimits,
    pub(crate) trusted_proxies: Option<TrustedProxies>,
    pub(crate) url_scheme: Option<UrlScheme>,
    pub(crate) distributed_tracing: Option<DistributedTracing>,
    pub(crate) trace_response: bool,
    pub(crate) span_end: SpanEnd,
}

impl std::fmt::Debug for HttpServerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServerOptions")
            .field("shared", &self.shared)
            .field("exclude_routes", &self.exclude_routes)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("distributed_tracing", &self.distributed_tracing)
            .field("span_end", &self.span_end)
            .finish_non_exhaustive()
    }
}

shared_setters!(HttpServerOptions, "SERVER");

impl HttpServerOptions {
    /// Does not record requests for which `exclude` is true. None by default.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options = HttpServerOptions::default().exclude(|request| request.method == "OPTIONS");
    /// ```
    #[must_use]
    pub fn exclude(
        mut self,
        exclude: impl Fn(&ServerRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.exclude = Some(Arc::new(exclude));
        self
    }

    /// Does not record requests to these routes. None by default.
    ///
    /// They are route templates, compared exactly where the framework knows the route before the
    /// request is handled (axum), and else with the path: `{name}` stands for a segment, `{*rest}`
    /// for the rest.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options = HttpServerOptions::default().exclude_routes(["/health", "/static/{*path}"]);
    /// ```
    #[must_use]
    pub fn exclude_routes<S: AsRef<str>>(mut self, templates: impl IntoIterator<Item = S>) -> Self {
        self.exclude_routes = strings(templates);
        self
    }

    /// Whether the work of an excluded request is left unsampled. True by default.
    ///
    /// Under a parent-based sampler its children are dropped then, and outgoing requests carry
    /// `traceparent` with the flags `00`; logs flow. If false, they belong to the caller's trace.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options =
    ///     HttpServerOptions::default().excluded_urls(["^/health$"]).exclude_children(false);
    /// ```
    #[must_use]
    pub fn exclude_children(mut self, exclude: bool) -> Self {
        self.exclude_children = Some(exclude);
        self
    }

    /// Rewrites URLs before they are recorded; its result is still
    /// [redacted](Self::url_redaction). None by default.
    ///
    /// Path and query of the result become `url.path` and `url.query`.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options = HttpServerOptions::default()
    ///     .url_filter(|url| url.path().replace("/secret/", "/***/"));
    /// ```
    #[must_use]
    pub fn url_filter(
        mut self,
        filter: impl Fn(&FilterUrl<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        self.shared.url_filter = Some(Arc::new(filter));
        self
    }

    /// Names spans and adds attributes at their start, where samplers see them. By default a span
    /// is named `{method} {route}`.
    ///
    /// ```
    /// use logfire_rs_core::{HttpServerOptions, SpanDetails};
    /// use opentelemetry::KeyValue;
    ///
    /// let options = HttpServerOptions::default().span_details(|request| SpanDetails {
    ///     name: format!("{} shop", request.method),
    ///     attributes: vec![KeyValue::new("shop.front", "north")],
    /// });
    /// ```
    #[must_use]
    pub fn span_details(
        mut self,
        details: impl Fn(&ServerRequest<'_>) -> SpanDetails + Send + Sync + 'static,
    ) -> Self {
        self.span_details = Some(Arc::new(details));
        self
    }

    /// Called with the span of each request before the request is handled. None by default.
    ///
    /// Also for requests that are not sampled, so that metric attributes do not depend on that;
    /// [`RequestSpan::is_recording`] tells. Spans and logs made in it are children of the request.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    /// use opentelemetry::KeyValue;
    ///
    /// let options = HttpServerOptions::default().request_hook(|span, request| {
    ///     if let Some(tenant) = request.headers.first("x-tenant").and_then(|it| it.as_str()) {
    ///         span.set_attribute(KeyValue::new("tenant", tenant.to_owned()));
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn request_hook(
        mut self,
        hook: impl Fn(&RequestSpan, &ServerRequest<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.request_hook = Some(Arc::new(hook));
        self
    }

    /// Called with the span of each request and the head of its response. None by default.
    ///
    /// Spans and logs made in it are children of the request.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    /// use opentelemetry::KeyValue;
    ///
    /// let options = HttpServerOptions::default().response_hook(|span, response| {
    ///     span.set_attribute(KeyValue::new("cacheable", response.status == 200));
    /// });
    /// ```
    #[must_use]
    pub fn response_hook(
        mut self,
        hook: impl Fn(&RequestSpan, &ServerResponse<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.response_hook = Some(Arc::new(hook));
        self
    }

    /// Called with each part of the request's body that the application reads, and each message
    /// that it receives on a WebSocket. None by default.
    ///
    /// Spans and logs made in it are children of the request.
    ///
    /// ```
    /// use logfire_rs_core::{Frame, HttpServerOptions};
    /// use opentelemetry::KeyValue;
    ///
    /// let options = HttpServerOptions::default().receive_hook(|span, frame| {
    ///     if let Frame::Data(bytes) = frame {
    ///         let length = bytes.len() as i64;
    ///         span.add_event("received", vec![KeyValue::new("bytes", length)]);
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn receive_hook(
        mut self,
        hook: impl Fn(&RequestSpan, &Frame<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.receive_hook = Some(Arc::new(hook));
        self
    }

    /// Called with the head of the response, each part of its body, and each message that the
    /// application sends on a WebSocket. None by default.
    ///
    /// Spans and logs made in it are children of the request.
    ///
    /// ```
    /// use logfire_rs_core::{Frame, HttpServerOptions};
    ///
    /// let options = HttpServerOptions::default().send_hook(|span, frame| {
    ///     if matches!(frame, Frame::End) {
    ///         span.add_event("sent", Vec::new());
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn send_hook(
        mut self,
        hook: impl Fn(&RequestSpan, &Frame<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.send_hook = Some(Arc::new(hook));
        self
    }

    /// Whether each part of a message gets a span of its own, a child of the request's. False by
    /// default.
    ///
    /// They are named `{method} {route} http receive request`, `… http send response.start`,
    /// `… http send response.body`, `… websocket receive` and `… websocket send`.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options = HttpServerOptions::default().record_send_receive(true);
    /// ```
    #[must_use]
    pub fn record_send_receive(mut self, record: bool) -> Self {
        self.record_send_receive = record;
        self
    }

    /// Decides what is recorded of the arguments of a handler with `#[endpoint]`. All of it by
    /// default.
    ///
    /// Called once for each such request that is sampled, when its arguments are there or one of
    /// them was rejected. What it returns is recorded as it is; secrets are masked in what it gets.
    /// If it panics, nothing is recorded of the arguments.
    ///
    /// ```
    /// use logfire_rs_core::opentelemetry::KeyValue;
    /// use logfire_rs_core::{EndpointArguments, HttpServerOptions};
    ///
    /// let options = HttpServerOptions::default().request_attributes_mapper(|span, mut arguments| {
    ///     if span.path().starts_with("/internal/") {
    ///         return EndpointArguments::none();
    ///     }
    ///     arguments.values.remove("body");
    ///     let valid = arguments.errors.is_empty();
    ///     arguments.extra.push(KeyValue::new("app.valid", valid));
    ///     arguments
    /// });
    /// ```
    #[must_use]
    pub fn request_attributes_mapper(
        mut self,
        mapper: impl Fn(&RequestSpan, EndpointArguments) -> EndpointArguments + Send + Sync + 'static,
    ) -> Self {
        self.request_attributes_mapper = Some(Arc::new(mapper));
        self
    }

    /// Whether a handler with `#[endpoint]` gets two spans, children of the request's: one for its
    /// arguments, `{framework} arguments`, and one for the function, `{method} {route} (function)`.
    /// False by default.
    ///
    /// Spans and logs that extractors make are children of the first, those of the handler of the
    /// second.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options = HttpServerOptions::default().extra_spans(true);
    /// ```
    #[must_use]
    pub fn extra_spans(mut self, extra_spans: bool) -> Self {
        self.extra_spans = extra_spans;
        self
    }

    /// How much is kept of the values of a handler's arguments, with `#[endpoint]`. 8 KiB, 1000 items
    /// and a depth of 16 by default, of each value.
    ///
    /// ```
    /// use logfire_rs_core::{EndpointLimits, HttpServerOptions};
    ///
    /// let limits = EndpointLimits::default().max_bytes(64 * 1024);
    /// let options = HttpServerOptions::default().endpoint_limits(limits);
    /// ```
    #[must_use]
    pub fn endpoint_limits(mut self, limits: EndpointLimits) -> Self {
        self.endpoint_limits = limits;
        self
    }

    /// The proxies whose `Forwarded` or `X-Forwarded-*` headers are believed: how many, or which
    /// networks. None by default.
    ///
    /// `client.address`, `server.address`, `server.port` and `url.scheme` then tell of the original
    /// request, as the [semantic conventions] ask.
    ///
    /// [semantic conventions]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// // One load balancer in front of the service:
    /// let options = HttpServerOptions::default().trusted_proxies(1);
    /// ```
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: impl Into<TrustedProxies>) -> Self {
        self.trusted_proxies = Some(proxies.into());
        self
    }

    /// The scheme that clients use, whatever the request says.
    ///
    /// By default what a trusted proxy tells, else that of the request's target or of the
    /// connection where the framework tells it, else `http`. A service that terminates TLS itself
    /// sets it.
    ///
    /// ```
    /// use logfire_rs_core::{HttpServerOptions, UrlScheme};
    ///
    /// let options = HttpServerOptions::default().url_scheme(UrlScheme::Https);
    /// ```
    #[must_use]
    pub fn url_scheme(mut self, scheme: UrlScheme) -> Self {
        self.url_scheme = Some(scheme);
        self
    }

    /// What becomes of the trace context of a caller; see [distributed tracing] of Logfire.
    ///
    /// By default `LOGFIRE_DISTRIBUTED_TRACING` (`accept` or `true`, `link`, `ignore` or `false`),
    /// else [`DistributedTracing::Accept`].
    ///
    /// [distributed tracing]: https://logfire.pydantic.dev/docs/how-to-guides/distributed-tracing/
    ///
    /// ```
    /// use logfire_rs_core::{DistributedTracing, HttpServerOptions};
    ///
    /// // A service that strangers call:
    /// let options = HttpServerOptions::default().distributed_tracing(DistributedTracing::Link);
    /// ```
    #[must_use]
    pub fn distributed_tracing(mut self, distributed_tracing: DistributedTracing) -> Self {
        self.distributed_tracing = Some(distributed_tracing);
        self
    }

    /// Whether responses tell the trace, as `server-timing: trace;desc=…` and `traceresponse`.
    /// False by default.
    ///
    /// Both are appended to `access-control-expose-headers` too, so that scripts of other origins
    /// can read them.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    ///
    /// let options = HttpServerOptions::default().trace_response(true);
    /// ```
    #[must_use]
    pub fn trace_response(mut self, trace_response: bool) -> Self {
        self.trace_response = trace_response;
        self
    }

    /// When a span ends. [`SpanEnd::Body`] by default.
    ///
    /// With [`SpanEnd::Head`] errors of the body are not recorded, nor is a client that leaves in
    /// the middle of it.
    ///
    /// ```
    /// use logfire_rs_core::{HttpServerOptions, SpanEnd};
    ///
    /// let options = HttpServerOptions::default().span_end(SpanEnd::Head);
    /// ```
    #[must_use]
    pub fn span_end(mut self, span_end: SpanEnd) -> Self {
        self.span_end = span_end;
        self
    }
}

/// The name of a span, and attributes to add to it, for
/// [`span_details`](HttpServerOptions::span_details).
///
/// ```
/// use logfire_rs_core::{HttpServerOptions, SpanDetails};
/// use opentelemetry::KeyValue;
///
/// // The name stays as it is:
/// let options = HttpServerOptions::default().span_details(|request| SpanDetails {
///     attributes: vec![KeyValue::new("app.is_api", request.path.starts_with("/api/"))],
///     ..SpanDetails::default()
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct SpanDetails {
    /// The name; if empty, the default one is used.
    pub name: String,
    /// Attributes beside those of the conventions.
    pub attributes: Vec<KeyValue>,
}

/// When the span of a request ends.
///
/// ```
/// use logfire_rs_core::{HttpClientOptions, SpanEnd};
///
/// let options = HttpClientOptions::default().span_end(SpanEnd::Body);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanEnd {
    /// When the last byte of the response's body is handed over. The default of servers.
    #[default]
    Body,
    /// When the head of the response is there. The default of clients.
    Head,
}

/// The scheme of `url.scheme`, for [`url_scheme`](HttpServerOptions::url_scheme).
///
/// ```
/// use logfire_rs_core::{HttpServerOptions, UrlScheme};
///
/// let options = HttpServerOptions::default().url_scheme(UrlScheme::Https);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlScheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl UrlScheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What becomes of the trace context of a caller, for
/// [`distributed_tracing`](HttpServerOptions::distributed_tracing).
///
/// ```
/// use logfire_rs_core::{DistributedTracing, HttpServerOptions};
///
/// let options = HttpServerOptions::default().distributed_tracing(DistributedTracing::Ignore);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DistributedTracing {
    /// The request belongs to the caller's trace. The default.
    #[default]
    Accept,
    /// The request starts a trace of its own, with a link to the caller's span; for services at
    /// the edge, where callers are strangers. Their baggage is not taken over.
    Link,
    /// The request starts a trace of its own.
    Ignore,
}

impl DistributedTracing {
    pub(crate) fn parse(value: &str) -> Option<Self> {
        match value.to_ascii_lowercase().as_str() {
            "accept" | "true" | "t" | "1" | "yes" | "on" => Some(Self::Accept),
            "link" => Some(Self::Link),
            "ignore" | "false" | "f" | "0" | "no" | "off" => Some(Self::Ignore),
            _ => None,
        }
    }
}
