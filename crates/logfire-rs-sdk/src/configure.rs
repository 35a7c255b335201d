//! The configuration, and putting it all together; the setters are below, by what they are about.

mod logfire;
mod model;
mod outlets;
mod process;
mod service;

use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "tracing")]
use opentelemetry::Key;
use opentelemetry::global;
use opentelemetry_sdk::{logs::LogProcessor, trace::SpanProcessor};

#[cfg(feature = "tracing")]
use crate::guard::Bridged;
#[cfg(feature = "proxy")]
use crate::proxy::Proxy;
use crate::{
    ConfigureError, ConsoleOptions, Logfire, Sampling, Scrubbing,
    console::{Console, ConsoleProcessor},
    environment::{Environment, Lookup},
    export::{Deliveries, Destinations},
    front::FrontSettings,
    guard::Running,
    guarded,
    ids::Ids,
    metrics::MetricsSettings,
    old_names,
    pipeline::{LogPipeline, Pipelines, Providers},
    propagation::Propagator,
    resource::ResourceSettings,
    send::LogfireSettings,
    warnings::Warnings,
};

/// Whether a configuration has set the globals of this process.
static CONFIGURED: AtomicBool = AtomicBool::new(false);

/// Begins a configuration; [`Configuration::finish`] ends it.
///
/// ```
/// # let configure = || logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false);
/// let logfire = configure().service_name("shop").service_version("1.2.3").finish()?;
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
pub fn configure() -> Configuration {
    Configuration::default()
}

/// What is to be configured; made by [`configure`].
///
/// A setter wins over the environment, and the environment over the default. `Debug` shows no token, no base URL and no
/// value of a resource attribute.
#[derive(Debug, Default)]
#[must_use = "nothing is configured before `finish`"]
pub struct Configuration {
    logfire: LogfireSettings,
    resource: ResourceSettings,
    console: ConsoleOptions,
    scrubbing: Scrubbing,
    sampling: Sampling,
    front: FrontSettings,
    processors: Vec<Box<dyn SpanProcessor>>,
    log_processors: Vec<Box<dyn LogProcessor>>,
    metrics: MetricsSettings,
    ids: Ids,
    env_lookup: Option<Lookup>,
    warnings: Option<Warnings>,
    local: bool,
    ignore_callers: bool,
    #[cfg(feature = "tracing")]
    leave_tracing: bool,
}

impl Configuration {
    /// Starts everything and, unless [`local`](Self::local), sets the global tracer and meter providers and the global
    /// propagator: what `OTEL_PROPAGATORS` names, W3C trace context and baggage by default.
    ///
    /// With `OTEL_SDK_DISABLED=true` only the propagator is set, and nothing is recorded.
    ///
    /// # Errors
    ///
    /// See [`ConfigureError`]; nothing is started or set then.
    ///
    /// ```
    /// # let configure = || logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false);
    /// let logfire = configure().finish()?;
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn finish(self) -> Result<Logfire, ConfigureError> {
        if self.local {
            return self.start().map(|(logfire, _)| logfire);
        }
        if CONFIGURED.swap(true, Ordering::SeqCst) {
            return Err(ConfigureError::AlreadyConfigured);
        }
        #[cfg(feature = "tracing")]
        let leave_tracing = self.leave_tracing;
        let (logfire, enabled) = self.start().inspect_err(|_| {
            CONFIGURED.store(false, Ordering::SeqCst);
        })?;
        global::set_text_map_propagator(logfire.propagator());
        if enabled {
            global::set_tracer_provider(logfire.tracer_provider().clone());
            global::set_meter_provider(logfire.meter_provider().clone());
            #[cfg(feature = "tracing")]
            if !leave_tracing && let Err(problem) = logfire.install_tracing() {
                logfire.warn(problem);
            }
        }
        Ok(logfire)
    }

    /// A running instance, and whether it records.
    fn start(self) -> Result<(Logfire, bool), ConfigureError> {
        let env = Environment::new(self.env_lookup, self.warnings.unwrap_or_default());
        let propagator = Propagator::resolve(!self.ignore_callers, &env);
        if is_disabled(&env) {
            let running = Running {
                providers: Providers::disabled(),
                console: None,
                deliveries: Deliveries::default(),
                #[cfg(feature = "proxy")]
                proxy: Proxy::new(crate::proxy::settings(&env)),
            };
            return Ok((Logfire::new(running, propagator, &env), false));
        }

        let destinations = Destinations::resolve(&self.logfire, &env)?;
        let sampling = self.sampling.resolve(&env)?;
        let front = self.front.resolve(&env);
        let scrubber = self.scrubbing.compile(env.warnings.clone())?;
        let resource = scrubber.resource(&self.resource.resolve(&env));
        let console = self
            .console
            .resolve(&env)
            .map(|options| Console::start(options, scrubber.clone()))
            .transpose()
            .map_err(ConfigureError::Thread)?;

        let has_metrics = !self.metrics.off;
        let meters = self.metrics.builder(destinations.has_logfire(), &env);
        let mut pipelines = Pipelines::new(self.ids, meters, has_metrics, scrubber);
        pipelines.min_level = front.min_level;
        let processors = guarded::logs(self.log_processors, &env.warnings);
        pipelines.process_logs(LogPipeline { processors });
        if let Some(console) = &console {
            pipelines.spans.push(Box::new(ConsoleProcessor(console.clone())));
            pipelines.process_logs(ConsoleProcessor(console.clone()));
        }
        #[cfg(feature = "proxy")]
        let proxy = Proxy::new(destinations.proxy(&env));
        let deliveries = destinations.open(&env)?.install(&mut pipelines, &env);
        let processors = guarded::spans(self.processors, &env.warnings);
        pipelines.process_spans(processors, old_names::are_wanted(&env));

        #[cfg(feature = "tracing")]
        let bridged = Bridged {
            min_level: front.min_level,
            parents: front.parents.clone(),
            service: resource
                .get(&Key::from_static_str("service.name"))
                .map(|name| name.to_string())
                .unwrap_or_default(),
        };
        let providers = pipelines.providers(&resource, sampling, front, &env);
        env.tell_misspelled();
        let running = Running {
            providers,
            console,
            deliveries,
            #[cfg(feature = "proxy")]
            proxy,
        };
        let logfire = Logfire::new(running, propagator, &env);
        #[cfg(feature = "tracing")]
        let logfire = logfire.bridging(bridged);
        Ok((logfire, true))
    }
}

/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#boolean>
fn is_disabled(env: &Environment) -> bool {
    let parse = |text: &str| match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    env.parsed(&["OTEL_SDK_DISABLED"], "`true` or `false`", parse).unwrap_or(false)
}
