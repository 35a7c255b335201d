//! What the peers on the crate `tracing` need: a registry, a filter of levels, and a bridge.

use tracing::{Dispatch, Level};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::configuration::Configuration;
use crate::{telemetry, telemetry_0_32};

/// What receives the spans of the crate `tracing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriber {
    /// Nothing.
    None,
    /// A registry and a filter.
    Registry,
    /// And tracing-opentelemetry.
    OpenTelemetry,
    /// With all that is optional in tracing-opentelemetry turned off.
    Tuned,
    /// And tracing-opentelemetry for OpenTelemetry 0.32.
    OpenTelemetry032,
}

impl Subscriber {
    pub(crate) fn dispatch(self, configuration: Configuration) -> Option<Dispatch> {
        let is_bridge = !matches!(self, Self::None | Self::Registry);
        if is_bridge && configuration == Configuration::NoSdk {
            return None;
        }
        let registry = || tracing_subscriber::registry().with(targets());
        Some(match self {
            Self::None => return None,
            Self::Registry => Dispatch::new(registry()),
            Self::OpenTelemetry => {
                let layer = tracing_opentelemetry::layer().with_tracer(telemetry::tracer());
                Dispatch::new(registry().with(layer))
            }
            Self::Tuned => {
                let layer = tracing_opentelemetry::layer()
                    .with_tracer(telemetry::tracer())
                    .with_location(false)
                    .with_threads(false)
                    .with_target(false)
                    .with_tracked_inactivity(false)
                    .with_context_activation(false);
                Dispatch::new(registry().with(layer))
            }
            Self::OpenTelemetry032 => {
                let tracer = telemetry_0_32::tracer();
                let layer = tracing_opentelemetry_0_33::layer().with_tracer(tracer);
                Dispatch::new(registry().with(layer))
            }
        })
    }
}

/// Information of everybody; the spans of axum-tracing-opentelemetry are finer than that.
fn targets() -> Targets {
    Targets::new().with_default(Level::INFO).with_target("otel::tracing", Level::TRACE)
}
