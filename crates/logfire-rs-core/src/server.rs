//! Spans and metrics of the requests that a server receives.

mod active;
mod config;
mod exchange;
mod frames;
mod keep_open;
mod origin;
mod series;
mod span;
mod telemetry_proxy;

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{Link, SpanBuilder, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, InstrumentationScope};

use self::active::ActiveRequests;
use self::config::ServerConfig;
pub(crate) use self::exchange::ServerExchange;
pub use self::frames::RequestBodyObserver;
use self::frames::observes_request;
pub use self::keep_open::KeepOpen;
use self::origin::Origin;
use self::series::Series;
pub use self::span::{ServerSpan, TraceResponse};
pub use self::telemetry_proxy::exclude_telemetry_proxy;
use crate::backend::{self, Backend};
use crate::headers::{CommonHeaders, Headers};
use crate::message::ServerRequest;
use crate::metrics::Side;
use crate::names;
use crate::options::{DistributedTracing, HttpServerOptions};
use crate::propagation::unsampled;
use crate::request_span::{Exchange, Notes, RequestSpan};
use crate::series::{SERVER_SERIES, UsualSeries};

/// Starts a span for each request; made once by an adapter, and cheap to clone.
///
/// ```
/// use logfire_rs_core::{HttpServerInstrumenter, HttpServerOptions};
///
/// let options = HttpServerOptions::default();
/// let instrumenter = HttpServerInstrumenter::new("my-adapter", "1.0.0", "MY_ADAPTER", options);
/// ```
#[derive(Clone)]
pub struct HttpServerInstrumenter(Arc<Engine>);

pub(crate) struct Engine {
    config: ServerConfig,
    scope: InstrumentationScope,
    /// Resolved at the first request, so that an SDK may be installed after the adapter.
    resolved: OnceLock<Resolved>,
}

struct Resolved {
    backend: Backend,
    /// There if metrics are, as is the next.
    active: Option<ActiveRequests>,
    series: Option<UsualSeries<Series>>,
}

impl HttpServerInstrumenter {
    /// An instrumenter that reports as the instrumentation library `name`, and reads the
    /// environment variables of the adapter `key`.
    #[must_use]
    pub fn new(
        name: &'static str,
        version: &'static str,
        key: &str,
        options: HttpServerOptions,
    ) -> Self {
        let config = ServerConfig::new(key, options);
        let scope = backend::scope(name, version);
        Self(Arc::new(Engine { config, scope, resolved: OnceLock::new() }))
    }

    /// Starts the span of `request`; one that records nothing if the request is excluded.
    ///
    /// The adapter takes the span along: into each poll of the service with [`ServerSpan::run`], and
    /// from the head of the response on with its body. The span ends with the value.
    ///
    /// ```
    /// # struct NoHeaders;
    /// # impl logfire_rs_core::Headers for NoHeaders {
    /// #     fn first(&self, _: &str) -> Option<logfire_rs_core::HeaderValue<'_>> { None }
    /// #     fn each(&self, _: &str, _: &mut dyn FnMut(logfire_rs_core::HeaderValue<'_>)) {}
    /// #     fn each_pair(&self, _: &mut dyn FnMut(&str, logfire_rs_core::HeaderValue<'_>)) {}
    /// # }
    /// use logfire_rs_core::{HttpServerInstrumenter, HttpServerOptions, ServerRequest};
    /// use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
    ///
    /// let exporter = InMemorySpanExporter::default();
    /// let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    /// let options = HttpServerOptions::default().tracer_provider(provider.clone());
    /// let instrumenter = HttpServerInstrumenter::new("my-adapter", "1.0.0", "MY_ADAPTER", options);
    ///
    /// let mut span = instrumenter.start(&ServerRequest {
    ///     method: "GET",
    ///     scheme: None,
    ///     authority: None,
    ///     path: "/users/1",
    ///     query: None,
    ///     route: Some("/users/{id}"),
    ///     version: None,
    ///     headers: &NoHeaders,
    ///     peer: None,
    /// });
    /// let (status, body) = span.run(|| (200, "Ada"));
    /// span.record_response(status, &NoHeaders);
    /// span.sent(body.len() as u64);
    /// span.complete();
    /// drop(span);
    ///
    /// assert_eq!(exporter.get_finished_spans().unwrap()[0].name, "GET /users/{id}");
    /// ```
    #[must_use]
    pub fn start(&self, request: &ServerRequest<'_>) -> ServerSpan {
        self.begin(request, false)
    }

    /// As [`start`](Self::start), where the framework may find another route in the end, and
    /// [`ServerSpan::settle_route`] tells it.
    ///
    /// Until then the route of `request` excludes, is that of handles, and that of a request that
    /// never gets an answer. Attributes and name of the span's start are without it.
    #[must_use]
    pub fn start_with_likely_route(&self, request: &ServerRequest<'_>) -> ServerSpan {
        self.begin(request, true)
    }

    /// Whether spans have a [`RequestBodyObserver`]: an adapter need not look for one otherwise.
    #[must_use]
    pub fn observes_requests(&self) -> bool {
        self.0.observes_request()
    }

    /// The span of a request that nothing is recorded of, whatever it is: as without an SDK.
    ///
    /// `None` if it depends on the request; an adapter that asks this first finds out about it
    /// only where [`start`](Self::start) needs that.
    #[must_use]
    pub fn pass(&self, headers: &dyn Headers) -> Option<ServerSpan> {
        let engine = &self.0;
        if engine.backend().records() || engine.config.may_exclude() {
            return None;
        }
        let current = Context::current();
        if current.is_telemetry_suppressed() {
            return Some(ServerSpan::idle());
        }
        let context = engine.passed_context(headers, &headers.common(), &current);
        Some(ServerSpan::passing(context))
    }

    fn begin(&self, request: &ServerRequest<'_>, route_is_likely: bool) -> ServerSpan {
        // The context of a request would end the suppression.
        let current = Context::current();
        if current.is_telemetry_suppressed() {
            return ServerSpan::idle();
        }
        let engine = &self.0;
        let config = &engine.config;
        let backend = engine.backend();
        let common = request.headers.common();
        let origin = Origin::read(config, request, &common);
        if config.excludes(request, &origin) {
            return ServerSpan::excluded(engine.excluded_context(request, &origin, current));
        }
        if !backend.records() {
            let context = engine.passed_context(request.headers, origin.headers, &current);
            return ServerSpan::passing(context);
        }
        engine.open(request, &origin, current, route_is_likely)
    }
}

impl fmt::Debug for HttpServerInstrumenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServerInstrumenter")
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
            let ServerConfig { options, known_methods, body_sizes, .. } = &self.config;
            let shared = &options.shared;
            let backend = Backend::resolve(shared, &self.scope, Side::Server, *body_sizes);
            let active = backend.metrics.as_ref().map(|it| {
                let collected = shared.bare_meter(&self.scope);
                ActiveRequests::new(known_methods, it.active_requests.clone(), collected.as_ref())
            });
            let series = backend.metrics.as_ref().map(|_| UsualSeries::new(SERVER_SERIES));
            Resolved { backend, active, series }
        })
    }

    fn open(
        self: &Arc<Self>,
        request: &ServerRequest<'_>,
        origin: &Origin<'_>,
        current: Context,
        route_is_likely: bool,
    ) -> ServerSpan {
        let (config, backend) = (&self.config, self.backend());
        let method = config.known_methods.classify(request.method);
        let (mut name, route) = match request.route.filter(|it| !it.is_empty()) {
            Some(route) => {
                let (name, route) = names::name(method.span_name(), route);
                (name, Some(route))
            }
            None => (method.span_name().into(), None),
        };
        if route_is_likely {
            name = method.span_name().into();
        }
        let certain = route.as_ref().filter(|_| !route_is_likely);
        let (parent, link) = self.parent(request, origin, current);
        let (wall, clock) = (SystemTime::now(), Instant::now());

        let mut name_is_set = false;
        let (context, recording, path) = if let Some(tracer) = backend.tracer() {
            let mut path = None;
            let mut attributes = config.attributes(request, origin, method, certain, &mut path);
            if let Some(details) = config.details(request) {
                attributes.extend(details.attributes);
                if !details.name.is_empty() {
                    name = details.name.into();
                    name_is_set = true;
                }
            }
            let builder = SpanBuilder {
                name,
                span_kind: Some(SpanKind::Server),
                start_time: Some(wall),
                attributes: Some(attributes),
                links: link.map(|it| vec![it]),
                ..SpanBuilder::default()
            };
            let (context, recording) = backend.start(tracer, builder, &parent);
            if !recording && !backend.records() {
                return ServerSpan::passing(Some(parent));
            }
            (context, recording, path)
        } else {
            (parent, false, None)
        };

        let exchange = Exchange {
            context,
            recording,
            method,
            path: path.unwrap_or_else(|| config.path(request, origin)),
            notes: Mutex::new(Notes {
                name_is_set,
                route_is_recorded: certain.is_some(),
                route_is_likely,
                route,
                ..Notes::default()
            }),
            server: Some(ServerExchange {
                engine: Arc::clone(self),
                wall,
                clock,
                scheme: origin.scheme,
                version: request.version,
                open: AtomicUsize::new(1),
            }),
        };
        let span = RequestSpan(Arc::new(exchange));
        if let Some(active) = &self.resolved().active {
            active.started(method, origin.scheme);
        }
        if let Some(hook) = &config.options.request_hook {
            span.guarded("request_hook", || hook(&span, request));
        }
        ServerSpan::open(span)
    }

    /// The context to start the span in, and the link to a caller that is not its parent.
    #[inline]
    fn parent(
        &self,
        request: &ServerRequest<'_>,
        origin: &Origin<'_>,
        current: Context,
    ) -> (Context, Option<Link>) {
        let extract = |current: &Context| {
            self.backend().propagation.extract(request.headers, origin.headers, current)
        };
        match self.config.distributed_tracing {
            DistributedTracing::Accept => {
                let remote = extract(&current);
                (remote.unwrap_or(current), None)
            }
            DistributedTracing::Link => {
                let caller = extract(&current).map(|it| it.span().span_context().clone());
                let caller = caller.filter(|it| it.is_valid() && it.is_remote());
                (current, caller.map(|it| Link::new(it, Vec::new(), 0)))
            }
            DistributedTracing::Ignore => (current, None),
        }
    }

    /// What goes on to outgoing requests where nothing is recorded.
    fn passed_context(
        &self,
        headers: &dyn Headers,
        common: &CommonHeaders<'_>,
        current: &Context,
    ) -> Option<Context> {
        let accept = self.config.distributed_tracing == DistributedTracing::Accept;
        let propagation = &self.backend().propagation;
        accept.then(|| propagation.extract(headers, common, current)).flatten()
    }

    fn excluded_context(
        &self,
        request: &ServerRequest<'_>,
        origin: &Origin<'_>,
        current: Context,
    ) -> Context {
        let (context, _) = self.parent(request, origin, current);
        if self.config.exclude_children { unsampled(&context) } else { context }
    }

    fn observes_request(&self) -> bool {
        observes_request(&self.config)
    }
}
