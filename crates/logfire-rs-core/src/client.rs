//! Spans and metrics of the requests that a client sends.

mod active;
mod body;
mod captured;
mod config;
mod connections;
mod exporters;
mod failure;
mod per_request;
mod phases;
mod request_body;
mod series;
mod span;
mod way;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, InstrumentationScope};

use self::active::ActiveRequests;
pub use self::body::ClientBody;
use self::config::ClientConfig;
pub use self::connections::{HttpConnection, OpenConnection};
pub use self::failure::{ClientFailure, each_error};
pub use self::per_request::PerRequest;
pub use self::phases::PhaseSpan;
pub use self::request_body::ClientRequestBody;
use self::series::Series;
use self::span::Start;
pub use self::span::{ClientSpan, RequestBodyCounter};
use self::way::Way;
pub use self::way::{EnteredClient, record_client_retry};
use crate::backend::{self, Backend};
use crate::message::ClientRequest;
use crate::method::Method;
use crate::metrics::{ConnectionMetrics, Side};
use crate::options::HttpClientOptions;
use crate::redaction::FilterUrl;
use crate::series::{CLIENT_SERIES, UsualSeries};
use crate::{diagnostics, names};

/// Starts a span for each request; made once by an adapter, and cheap to clone.
///
/// ```
/// use logfire_rs_core::{HttpClientInstrumenter, HttpClientOptions};
///
/// let options = HttpClientOptions::default();
/// let instrumenter = HttpClientInstrumenter::new("my-adapter", "1.0.0", "MY_ADAPTER", options);
/// ```
#[derive(Clone)]
pub struct HttpClientInstrumenter(Arc<Engine>);

struct Engine {
    config: ClientConfig,
    scope: InstrumentationScope,
    /// Resolved at the first request, so that an SDK may be installed after the adapter.
    resolved: OnceLock<Resolved>,
    /// Resolved at the first connection.
    connection_metrics: OnceLock<Option<ConnectionMetrics>>,
}

struct Resolved {
    backend: Backend,
    /// There if metrics are.
    active: Option<ActiveRequests>,
    series: Option<UsualSeries<Series>>,
}

impl HttpClientInstrumenter {
    /// An instrumenter that reports as the instrumentation library `name`, and reads the
    /// environment variables of the adapter `key`.
    #[must_use]
    pub fn new(
        name: &'static str,
        version: &'static str,
        key: &str,
        options: HttpClientOptions,
    ) -> Self {
        let config = ClientConfig::new(key, options);
        let scope = backend::scope(name, version);
        let (resolved, connection_metrics) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Engine { config, scope, resolved, connection_metrics }))
    }

    /// Starts the span of `request`, which is about to be sent.
    ///
    /// `made_in` is the context in which the caller made the request. Its span is the parent, so
    /// that a request which is spawned keeps it, unless a span is active here and now.
    ///
    /// `None` if telemetry is suppressed, the request is excluded, or a layer further out records
    /// it: it is sent as it is then.
    ///
    /// ```
    /// # struct NoHeaders;
    /// # impl logfire_rs_core::Headers for NoHeaders {
    /// #     fn first(&self, _: &str) -> Option<logfire_rs_core::HeaderValue<'_>> { None }
    /// #     fn each(&self, _: &str, _: &mut dyn FnMut(logfire_rs_core::HeaderValue<'_>)) {}
    /// #     fn each_pair(&self, _: &mut dyn FnMut(&str, logfire_rs_core::HeaderValue<'_>)) {}
    /// # }
    /// use std::collections::HashMap;
    ///
    /// use logfire_rs_core::{
    ///     ClientRequest, ClientResponse, HttpClientInstrumenter, HttpClientOptions, PerRequest,
    /// };
    /// use opentelemetry::Context;
    /// use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
    ///
    /// let exporter = InMemorySpanExporter::default();
    /// let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    /// let options = HttpClientOptions::default().tracer_provider(provider.clone());
    /// let instrumenter = HttpClientInstrumenter::new("my-adapter", "1.0.0", "MY_ADAPTER", options);
    ///
    /// let request = ClientRequest {
    ///     method: "GET",
    ///     url: "https://example.com/users/1",
    ///     template: Some("/users/{id}"),
    ///     resend_count: 0,
    ///     headers: &NoHeaders,
    /// };
    /// let mut headers = HashMap::new();
    /// let span = instrumenter.start(&Context::current(), &request, &PerRequest::default());
    /// if let Some(mut span) = span {
    ///     span.inject(&mut headers);
    ///     // Here it is sent, and answered.
    ///     span.record_response(&ClientResponse {
    ///         status: 200,
    ///         url: None,
    ///         version: None,
    ///         peer: None,
    ///         headers: &NoHeaders,
    ///     });
    /// }
    /// assert!(headers.contains_key("traceparent"));
    /// assert_eq!(exporter.get_finished_spans().unwrap()[0].name, "GET /users/{id}");
    /// ```
    #[must_use]
    pub fn start(
        &self,
        made_in: &Context,
        request: &ClientRequest<'_>,
        settings: &PerRequest,
    ) -> Option<ClientSpan> {
        let now = Context::current();
        if made_in.is_telemetry_suppressed() || now.is_telemetry_suppressed() {
            return None;
        }
        let parent = if now.has_active_span() { &now } else { made_in };
        self.start_below(parent, request, settings)
    }

    /// As [`start`](Self::start), for a request that is made here and now.
    #[must_use]
    pub fn start_here(
        &self,
        request: &ClientRequest<'_>,
        settings: &PerRequest,
    ) -> Option<ClientSpan> {
        let now = Context::current();
        if now.is_telemetry_suppressed() {
            return None;
        }
        self.start_below(&now, request, settings)
    }

    fn start_below(
        &self,
        parent: &Context,
        request: &ClientRequest<'_>,
        settings: &PerRequest,
    ) -> Option<ClientSpan> {
        if settings.is_untraced() {
            return None;
        }
        let mut request =
            ClientRequest { template: settings.template().or(request.template), ..*request };
        let url = FilterUrl::parse(request.url);
        let method = self.0.config.known_methods.classify(request.method);
        let target = way::target(&url);
        if self.0.config.excludes(&request, &url) || way::is_recorded(method, target) {
            return None;
        }
        request.resend_count = request.resend_count.max(settings.next_attempt());
        Some(self.0.open(parent, &request, &url, target, method, settings))
    }
}

impl fmt::Debug for HttpClientInstrumenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientInstrumenter")
            .field("scope", &self.0.scope.name())
            .field("options", &self.0.config.options)
            .finish_non_exhaustive()
    }
}

impl Engine {
    fn backend(&self) -> &Backend {
        &self.resolved().backend
    }

    fn resolved(&self) -> &Resolved {
        self.resolved.get_or_init(|| {
            let shared = &self.config.options.shared;
            let body_sizes = shared.body_sizes.unwrap_or(false);
            let backend = Backend::resolve(shared, &self.scope, Side::Client, body_sizes);
            let active = backend.metrics.as_ref().map(|it| {
                let collected = shared.bare_meter(&self.scope);
                ActiveRequests::new(it.active_requests.clone(), collected.as_ref())
            });
            let series = active.is_some().then(|| UsualSeries::new(CLIENT_SERIES));
            Resolved { backend, active, series }
        })
    }

    fn connection_metrics(&self) -> Option<&ConnectionMetrics> {
        let resolve = || {
            let shared = &self.config.options.shared;
            let wanted = shared.metrics.unwrap_or(true) && shared.has_meter();
            wanted.then(|| ConnectionMetrics::new(&shared.meter(self.scope.clone())))
        };
        self.connection_metrics.get_or_init(resolve).as_ref()
    }

    fn open(
        self: &Arc<Self>,
        parent: &Context,
        request: &ClientRequest<'_>,
        url: &FilterUrl<'_>,
        target: u64,
        method: Method,
        settings: &PerRequest,
    ) -> ClientSpan {
        let backend = self.backend();
        let (name, template) = match request.template.filter(|it| !it.is_empty()) {
            Some(template) => {
                let (name, template) = names::name(method.span_name(), template);
                (name, Some(template))
            }
            None => (method.span_name().into(), None),
        };
        let server = config::server(request, url);
        let (wall, clock) = (SystemTime::now(), Instant::now());

        let tracer = backend.tracer();
        let (context, recording) = if let Some(tracer) = tracer {
            let name = settings.name().filter(|it| !it.is_empty()).unwrap_or(name);
            let mut attributes =
                self.config.attributes(request, (url, target), method, &server, template.as_ref());
            for own in settings.attributes() {
                attributes.retain(|it| it.key != own.key);
                attributes.push(own.clone());
            }
            let builder = SpanBuilder::from_name(name)
                .with_kind(SpanKind::Client)
                .with_start_time(wall)
                .with_attributes(attributes);
            backend.start(tracer, builder, parent)
        } else {
            (parent.clone(), false)
        };

        let engine = Arc::clone(self);
        let propagates = settings.propagates() && self.config.options.propagation.unwrap_or(true);
        let start =
            Start { engine, context, recording, propagates, wall, clock, method, server, template };
        let span = ClientSpan::new(start, url.path(), Way::new(target, request.resend_count));
        if let (Some(hook), Some(handle)) = (&self.config.options.request_hook, span.request_span())
        {
            diagnostics::guarded("request_hook", || hook(handle, request));
        }
        span
    }
}
