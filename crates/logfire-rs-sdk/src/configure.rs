//! The configuration: setters, environment, and putting it all together.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::{
    KeyValue, global,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
};
use opentelemetry_sdk::{
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::SpanProcessor,
};

use crate::{
    ConfigureError, ConsoleOptions, Logfire, LogfireSpanProcessor, SendToLogfire,
    console::{Console, ConsoleProcessor},
    environment::{Environment, Lookup},
    export::{Deliveries, Destinations},
    guard::Running,
    pipeline::{Pipelines, Providers},
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
/// A setter wins over the environment, and the environment over the default.
#[derive(Debug, Default)]
#[must_use = "nothing is configured before `finish`"]
pub struct Configuration {
    logfire: LogfireSettings,
    resource: ResourceSettings,
    console: ConsoleOptions,
    processors: Vec<Box<dyn SpanProcessor>>,
    env_lookup: Option<Lookup>,
    warnings: Option<Warnings>,
    local: bool,
    #[cfg(feature = "tracing")]
    leave_tracing: bool,
}

impl Configuration {
    /// The name of the service, `service.name`.
    ///
    /// Environment: `LOGFIRE_SERVICE_NAME`, `OTEL_SERVICE_NAME`. By default `unknown_service:` and the executable.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().service_name("shop");
    /// ```
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.resource.service_name = Some(name.into());
        self
    }

    /// The version of the service, `service.version`.
    ///
    /// Environment: `LOGFIRE_SERVICE_VERSION`, `OTEL_SERVICE_VERSION`. None by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().service_version(env!("CARGO_PKG_VERSION"));
    /// ```
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.resource.service_version = Some(version.into());
        self
    }

    /// The environment that the service is deployed to, `deployment.environment.name`.
    ///
    /// Environment: `LOGFIRE_ENVIRONMENT`. None by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().environment("staging");
    /// ```
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.resource.environment = Some(environment.into());
        self
    }

    /// Further attributes of the resource; they win over those in the environment, and the setters above over them.
    ///
    /// Environment: `OTEL_RESOURCE_ATTRIBUTES`, `LOGFIRE_RESOURCE_ATTRIBUTES`. By default `service.instance.id`,
    /// `process.pid`, `os.type`, `host.arch` and `telemetry.sdk.*`.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::KeyValue;
    ///
    /// let configuration = logfire_rs_sdk::configure().resource_attributes([KeyValue::new("team", "payments")]);
    /// ```
    pub fn resource_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.resource.attributes.extend(attributes);
        self
    }

    /// The Logfire write token; several, separated by commas, all get everything.
    ///
    /// A token that names no known region of Logfire is told once and sent to the US region.
    /// Environment: `LOGFIRE_TOKEN`. None by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().token("pylf_v1_eu_…");
    /// ```
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.logfire.token = Some(token.into());
        self
    }

    /// Whether telemetry goes to Logfire.
    ///
    /// Environment: `LOGFIRE_SEND_TO_LOGFIRE` (`true`, `false`, `if-token-present`). If there is a token by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().send_to_logfire(false);
    /// ```
    pub fn send_to_logfire(mut self, send: impl Into<SendToLogfire>) -> Self {
        self.logfire.send = Some(send.into());
        self
    }

    /// The base URL of Logfire, for a self-hosted one, instead of that of the token's region.
    ///
    /// Environment: `LOGFIRE_BASE_URL`.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().base_url("https://logfire.example.com");
    /// ```
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.logfire.base_url = Some(base_url.into());
        self
    }

    /// What the console shows; `true` and `false` turn it on and off.
    ///
    /// Environment: `LOGFIRE_CONSOLE` (`true`, `false`), and those of [`ConsoleOptions`]. On by default.
    ///
    /// ```
    /// use logfire_rs_sdk::ConsoleOptions;
    ///
    /// let configuration = logfire_rs_sdk::configure().console(false);
    /// let configuration = logfire_rs_sdk::configure().console(ConsoleOptions::default().timestamps(false));
    /// ```
    pub fn console(mut self, console: impl Into<ConsoleOptions>) -> Self {
        self.console = console.into();
        self
    }

    /// Adds a span processor, which sees each span after the console and the exporters, with message and level as
    /// [`LogfireSpanProcessor`](crate::LogfireSpanProcessor) adds them.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry_sdk::trace::SimpleSpanProcessor;
    /// # #[derive(Debug)]
    /// # struct MyExporter;
    /// # impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanExporter for MyExporter {
    /// #     async fn export(
    /// #         &self,
    /// #         _: Vec<logfire_rs_sdk::opentelemetry_sdk::trace::SpanData>,
    /// #     ) -> logfire_rs_sdk::opentelemetry_sdk::error::OTelSdkResult {
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// let configuration = logfire_rs_sdk::configure().add_span_processor(SimpleSpanProcessor::new(MyExporter));
    /// ```
    pub fn add_span_processor(mut self, processor: impl SpanProcessor + 'static) -> Self {
        let processor = LogfireSpanProcessor::new(processor).pending_spans(false);
        self.processors.push(Box::new(processor));
        self
    }

    /// Reads settings from `lookup` instead of the environment of the process. Proxy variables are then not read.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure()
    ///     .env_lookup(|name| (name == "LOGFIRE_ENVIRONMENT").then(|| "test".to_owned()));
    /// ```
    pub fn env_lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.env_lookup = Some(Lookup::new(lookup));
        self
    }

    /// Calls `listener` for each warning, from any thread, instead of writing a line to stderr.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().on_warning(|warning| println!("{warning}"));
    /// ```
    pub fn on_warning(mut self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warnings = Some(Warnings::new(listener));
        self
    }

    /// Whether [`finish`](Self::finish) installs a global `tracing` subscriber. Yes by default, unless
    /// [`local`](Self::local); if there is one already, one warning says what to do.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().install_tracing(false);
    /// ```
    #[cfg(feature = "tracing")]
    pub fn install_tracing(mut self, install: bool) -> Self {
        self.leave_tracing = !install;
        self
    }

    /// Sets no globals: the result is used through [`Logfire::tracer_provider`] and [`Logfire::meter_provider`] only.
    ///
    /// ```
    /// # let configure = || logfire_rs_sdk::configure().env_lookup(|_| None).console(false);
    /// let one = configure().local().finish()?;
    /// let another = configure().local().finish()?;
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Starts everything and, unless [`local`](Self::local), sets the global tracer and meter providers and W3C trace
    /// context and baggage as the global propagator.
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
        global::set_text_map_propagator(propagator());
        if enabled {
            global::set_tracer_provider(logfire.tracer_provider().clone());
            global::set_meter_provider(logfire.meter_provider().clone());
            #[cfg(feature = "tracing")]
            if !leave_tracing && !logfire.install_tracing() {
                logfire.warn(
                    "there is a `tracing` subscriber already: add `.with(logfire.tracing_layer())` to it, \
                     or call `install_tracing(false)`",
                );
            }
        }
        Ok(logfire)
    }

    /// A running instance, and whether it records.
    fn start(self) -> Result<(Logfire, bool), ConfigureError> {
        let env = Environment::new(self.env_lookup, self.warnings.unwrap_or_default());
        if env.text(&["OTEL_SDK_DISABLED"]).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            let running = Running {
                providers: Providers::disabled(),
                console: None,
                deliveries: Deliveries::default(),
            };
            return Ok((Logfire::new(running, &env), false));
        }

        let destinations = Destinations::resolve(&self.logfire, &env)?;
        let resource = self.resource.resolve(&env);
        let console = self
            .console
            .resolve(&env)
            .map(Console::start)
            .transpose()
            .map_err(ConfigureError::Thread)?;

        let mut pipelines = Pipelines::default();
        if let Some(console) = &console {
            pipelines.spans.push(Box::new(ConsoleProcessor(console.clone())));
            pipelines.process_logs(ConsoleProcessor(console.clone()));
        }
        let deliveries = destinations.open(&env)?.install(&mut pipelines, &env);
        pipelines.spans.extend(self.processors);

        let providers = pipelines.providers(&resource, &env);
        Ok((Logfire::new(Running { providers, console, deliveries }, &env), true))
    }
}

/// <https://www.w3.org/TR/trace-context/> and <https://www.w3.org/TR/baggage/>
fn propagator() -> TextMapCompositePropagator {
    let trace_context: Box<dyn TextMapPropagator + Send + Sync> =
        Box::new(TraceContextPropagator::new());
    TextMapCompositePropagator::new(vec![trace_context, Box::new(BaggagePropagator::new())])
}
