//! The bridge from the `tracing` crate: its spans become spans, its events become logs.

mod event_format;
mod levels;

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tracing::{Level, Metadata, Subscriber, dispatcher::has_been_set};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use levels::{Leveling, is_loud};

pub use event_format::EventFormat;

use crate::{Logfire, environment::Environment};

/// What is let through if `RUST_LOG` says nothing.
pub(crate) const DEFAULT_FILTER: &str = "info";

/// `RUST_LOG`, if all of it can be read: of a bad one, the rest could hide everything.
pub(crate) fn filter_of(env: &Environment) -> Option<String> {
    let expected = "a filter such as `info` or `warn,shop=debug`";
    env.parsed(&["RUST_LOG"], expected, |text| {
        EnvFilter::builder().parse(text).is_ok().then(|| text.to_owned())
    })
}

const HAS_SUBSCRIBER: &str = "there is a `tracing` subscriber already: add `.with(logfire.tracing_layer())` to it, or call \
                              `install_tracing(false)`";
const HAS_LOGGER: &str = "there is a logger of the `log` crate already, which keeps its records to itself: set none, or call \
                          `install_tracing(false)` and add `logfire.tracing_layer()` to a subscriber of your own";

/// Who makes spans for requests that the instrumentation has spans for already. Crates are named in full:
/// `hyper_gateway` may be one of the user's.
const DOUBLES: [&str; 11] = [
    "tower_http::trace",
    "hyper",
    "hyper_util",
    "h2",
    "tonic",
    "reqwest",
    "reqwest_tracing",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_http",
    "opentelemetry_otlp",
];

impl Logfire {
    /// A layer for a `tracing` subscriber of your own.
    ///
    /// Spans of `tracing` become children of the current OpenTelemetry span, for example of the request, and events
    /// become logs of the current span. `RUST_LOG` filters both, `info` by default, and so does
    /// [`min_level`](crate::Configuration::min_level): what is below leaves no gap between its parent and its children.
    /// The level of a span becomes its `logfire.level_num`, unless it is `info`, which is that of spans without. Spans of the crates
    /// `hyper`, `hyper_util`, `h2`, `tonic`, `reqwest`, `reqwest_tracing` and `opentelemetry`, `opentelemetry_sdk`,
    /// `opentelemetry_http`, `opentelemetry_otlp`, and of `tower_http::trace`, are left out, because the instrumentation
    /// makes better ones; their events are kept.
    ///
    /// [`finish`](crate::Configuration::finish) installs a subscriber with this layer if there is none.
    ///
    /// ```
    /// use tracing_subscriber::{layer::SubscriberExt, registry};
    ///
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let subscriber = registry().with(logfire.tracing_layer());
    /// tracing::subscriber::with_default(subscriber, || {
    ///     tracing::info_span!("check out").in_scope(|| tracing::info!(items = 3, "sold"));
    /// });
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn tracing_layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let filter = self.rust_log().unwrap_or(DEFAULT_FILTER);
        let min_level = self.bridged().min_level;
        layer(self.tracer_provider(), self.logger_provider(), filter, min_level, Details::All)
    }

    /// Installs a subscriber with [`Logfire::tracing_layer`] for the whole process, and has it get the records of the `log`
    /// crate. The error says what to do.
    pub(crate) fn install_tracing(&self) -> Result<(), &'static str> {
        let is_taken = has_been_set();
        let subscriber = tracing_subscriber::registry().with(self.tracing_layer());
        subscriber.try_init().map_err(|_| if is_taken { HAS_SUBSCRIBER } else { HAS_LOGGER })
    }
}

/// What the layer adds to the spans of `tracing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Details {
    /// Also threads, places in the code, busy and idle times, levels.
    All,
    /// What is the same in every run.
    #[cfg(feature = "testing")]
    Lasting,
}

pub(crate) fn layer<S>(
    tracers: &SdkTracerProvider,
    loggers: &SdkLoggerProvider,
    filter: &str,
    min_level: Option<crate::Level>,
    details: Details,
) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let filter = || EnvFilter::builder().parse_lossy(filter);
    let all = details == Details::All;
    let spans = tracing_opentelemetry::layer()
        .with_location(all)
        .with_threads(all)
        .with_tracked_inactivity(all)
        .with_level(all)
        .with_tracer(Leveling(tracers.tracer("tracing")))
        .with_filter(filter().and(filter_fn(move |metadata| {
            metadata.is_span() && !is_double(metadata) && is_loud(metadata, min_level)
        })));
    let events = OpenTelemetryTracingBridge::new(loggers).with_filter(
        filter().and(filter_fn(|metadata| metadata.is_event() && !is_chatter(metadata))),
    );
    spans.and_then(events)
}

fn is_double(metadata: &Metadata<'_>) -> bool {
    DOUBLES.iter().any(|target| is_below(metadata.target(), target))
}

/// The SDK tells much about its own well-being.
fn is_chatter(metadata: &Metadata<'_>) -> bool {
    *metadata.level() > Level::WARN && metadata.target().starts_with("opentelemetry")
}

fn is_below(target: &str, module: &str) -> bool {
    target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::{DOUBLES, is_below};

    #[test]
    fn doubles_are_known_by_their_crate_or_module() {
        for (target, is_double) in [
            ("hyper", true),
            ("hyper::proto::h1", true),
            ("hyper_util::client", true),
            ("h2::codec::framed_read", true),
            ("tonic::transport", true),
            ("reqwest::connect", true),
            ("reqwest_tracing::reqwest_otel_span_builder", true),
            ("opentelemetry_sdk", true),
            ("opentelemetry_otlp::exporter", true),
            ("tower_http::trace::make_span", true),
            ("tower_http::cors", false),
            ("tower_http::trace_more", false),
            ("hyperloglog", false),
            // Crates of users.
            ("hyper_gateway", false),
            ("h2_proxy::pool", false),
            ("tonic_server", false),
            ("reqwest_pool", false),
            ("opentelemetry_demo", false),
            ("hyper-gateway", false),
        ] {
            let found = DOUBLES.iter().any(|module| is_below(target, module));
            assert_eq!(found, is_double, "{target}");
        }
    }
}
