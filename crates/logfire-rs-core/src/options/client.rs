//! The settings of clients.

use std::error::Error;
use std::sync::Arc;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, Tracer, TracerProvider};

use super::server::SpanEnd;
use super::shared::{SharedOptions, shared_setters, strings};
use crate::environment::Environment;
use crate::message::{ClientRequest, ClientResponse};
use crate::redaction::{FilterUrl, UrlRedaction};
use crate::request_span::RequestSpan;

type ClientExclude = Arc<dyn Fn(&ClientRequest<'_>) -> bool + Send + Sync>;
type ClientRequestHook = Arc<dyn Fn(&RequestSpan, &ClientRequest<'_>) + Send + Sync>;
type ClientResponseHook =
    Arc<dyn Fn(&RequestSpan, Result<&ClientResponse<'_>, &(dyn Error + 'static)>) + Send + Sync>;

/// What is recorded of the requests that a client sends.
///
/// The same value configures every client. What is not set is read from the environment once, when
/// the adapter is built, or has the default that its setter names.
///
/// ```
/// use logfire_rs_core::HttpClientOptions;
///
/// let options = HttpClientOptions::default().capture_response_headers(["retry-after"]);
/// ```
#[derive(Clone, Default)]
pub struct HttpClientOptions {
    pub(crate) shared: SharedOptions,
    pub(crate) exclude: Option<ClientExclude>,
    pub(crate) request_hook: Option<ClientRequestHook>,
    pub(crate) response_hook: Option<ClientResponseHook>,
    pub(crate) propagation: Option<bool>,
    pub(crate) capture_all: Option<bool>,
    pub(crate) capture_request_body: Option<bool>,
    pub(crate) capture_response_body: Option<bool>,
    pub(crate) max_captured_body: Option<usize>,
    pub(crate) span_end: Option<SpanEnd>,
}

impl std::fmt::Debug for HttpClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClientOptions")
            .field("shared", &self.shared)
            .field("propagation", &self.propagation)
            .finish_non_exhaustive()
    }
}

shared_setters!(HttpClientOptions, "CLIENT");

impl HttpClientOptions {
    /// Does not record requests for which `exclude` is true. None by default.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options = HttpClientOptions::default().exclude(|request| request.method == "HEAD");
    /// ```
    #[must_use]
    pub fn exclude(
        mut self,
        exclude: impl Fn(&ClientRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.exclude = Some(Arc::new(exclude));
        self
    }

    /// Rewrites URLs before they are recorded as `url.full`; its result is still
    /// [redacted](Self::url_redaction). None by default. If it gives an empty text, or panics, only
    /// scheme, host and port are recorded.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options = HttpClientOptions::default().url_filter(|url| {
    ///     url.with_query_pairs(url.query_pairs().map(|(key, value)| match &*key {
    ///         "username" | "password" => (key, "***".into()),
    ///         _ => (key, value),
    ///     }))
    /// });
    /// ```
    #[must_use]
    pub fn url_filter(
        mut self,
        filter: impl Fn(&FilterUrl<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        self.shared.url_filter = Some(Arc::new(filter));
        self
    }

    /// Called with the span of each request before the request is sent. None by default.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    /// use opentelemetry::KeyValue;
    ///
    /// let options = HttpClientOptions::default().request_hook(|span, request| {
    ///     span.set_attribute(KeyValue::new("first_try", request.resend_count == 0));
    /// });
    /// ```
    #[must_use]
    pub fn request_hook(
        mut self,
        hook: impl Fn(&RequestSpan, &ClientRequest<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.request_hook = Some(Arc::new(hook));
        self
    }

    /// Called with the span of each request and the head of its response, or the error that there is in
    /// its place. None by default.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    /// use opentelemetry::KeyValue;
    ///
    /// let options = HttpClientOptions::default().response_hook(|span, result| {
    ///     span.set_attribute(KeyValue::new("answered", result.is_ok()));
    /// });
    /// ```
    #[must_use]
    pub fn response_hook(
        mut self,
        hook: impl Fn(&RequestSpan, Result<&ClientResponse<'_>, &(dyn Error + 'static)>)
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.response_hook = Some(Arc::new(hook));
        self
    }

    /// Whether trace context and baggage are sent along. True by default.
    ///
    /// For one request, such as to a foreign service, see [`PerRequest::no_propagation`].
    ///
    /// [`PerRequest::no_propagation`]: crate::PerRequest::no_propagation
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options = HttpClientOptions::default().propagation(false);
    /// ```
    #[must_use]
    pub fn propagation(mut self, propagation: bool) -> Self {
        self.propagation = Some(propagation);
        self
    }

    /// Whether all headers and both bodies are recorded.
    ///
    /// By default what `LOGFIRE_{KEY}_CAPTURE_ALL` says (`true` or `false`, `1` or `0`, `yes` or `no`,
    /// `on` or `off`), where `{KEY}` is the adapter's (such as `REQWEST`), else false. What is set with a
    /// setter of its own stays as it is set there.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options = HttpClientOptions::default().capture_all(true).capture_response_body(false);
    /// ```
    #[must_use]
    pub fn capture_all(mut self, capture: bool) -> Self {
        self.capture_all = Some(capture);
        self
    }

    /// Whether the bodies of requests are recorded, as `http.request.body.text`, or for a form as
    /// the JSON object `http.request.body.form`. False by default.
    ///
    /// Only text that is there as a whole: a stream is sent as it is. Nothing in it is masked.
    ///
    /// The adapter of reqwest sees the bodies that it sends. Those of tower and hyper send bodies of
    /// any type as they are, and see them with `observe_request_body` of their layer.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options = HttpClientOptions::default().capture_request_body(true);
    /// ```
    #[must_use]
    pub fn capture_request_body(mut self, capture: bool) -> Self {
        self.capture_request_body = Some(capture);
        self
    }

    /// Whether the bodies of responses are recorded, as `http.response.body.text`. False by
    /// default.
    ///
    /// The text is collected while the application reads it, in a span `Reading response body`
    /// below that of the request, or in that of the request if it
    /// [ends with the body](Self::span_end). A body that nobody reads is not recorded, and neither
    /// is one that is not text, or still compressed. Nothing in it is masked.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options = HttpClientOptions::default().capture_response_body(true);
    /// ```
    #[must_use]
    pub fn capture_response_body(mut self, capture: bool) -> Self {
        self.capture_response_body = Some(capture);
        self
    }

    /// How many bytes of a body are recorded at most. 64 KiB by default.
    ///
    /// ```
    /// use logfire_rs_core::HttpClientOptions;
    ///
    /// let options =
    ///     HttpClientOptions::default().capture_request_body(true).max_captured_body(1024);
    /// ```
    #[must_use]
    pub fn max_captured_body(mut self, bytes: usize) -> Self {
        self.max_captured_body = Some(bytes);
        self
    }

    /// When a span ends. [`SpanEnd::Head`] by default: an application may keep a body and never
    /// read it.
    ///
    /// With [`SpanEnd::Body`] the span covers the reading of the body, and its errors. A stream of
    /// events and an upgraded connection end at the head all the same.
    ///
    /// ```
    /// use logfire_rs_core::{HttpClientOptions, SpanEnd};
    ///
    /// let options = HttpClientOptions::default().span_end(SpanEnd::Body);
    /// ```
    #[must_use]
    pub fn span_end(mut self, span_end: SpanEnd) -> Self {
        self.span_end = Some(span_end);
        self
    }
}
