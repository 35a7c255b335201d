//! The guard that keeps everything running, and ends it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    logs::SdkLoggerProvider,
    metrics::SdkMeterProvider,
    trace::SdkTracerProvider,
};

#[cfg(feature = "proxy")]
use crate::proxy::Proxy;
use crate::{
    ExportStatistics, FlushError, Propagator, console::Console, environment::Environment,
    export::Deliveries, guarded, pipeline::Providers, warnings::Warnings,
};

/// How long flush, shutdown and drop may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A running configuration. Keep it until the program ends: dropping it sends what is left and shuts down.
///
/// Flush, shutdown and drop block the calling thread, at most for 5 seconds each whatever the network and stderr do. They need
/// no async runtime and work inside one; an async program calls them best at its end, when nothing else has to run.
///
/// ```
/// use logfire_rs_sdk::{configure, opentelemetry::trace::{Tracer, TracerProvider}};
///
/// # let configure = || logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false);
/// let logfire = configure().finish()?;
/// logfire.tracer_provider().tracer("doc").start("work");
/// drop(logfire);
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[must_use = "dropping it at once shuts everything down; bind it to a variable that lives as long as the program"]
pub struct Logfire {
    running: Arc<Running>,
    propagator: Propagator,
    closed: AtomicBool,
    warnings: Warnings,
    #[cfg(feature = "tracing")]
    rust_log: Option<String>,
    #[cfg(feature = "tracing")]
    bridged: Bridged,
}

/// What the bridge from `tracing` has to know.
#[cfg(feature = "tracing")]
#[derive(Debug, Default)]
pub(crate) struct Bridged {
    pub(crate) min_level: Option<crate::Level>,
    pub(crate) parents: crate::parents::Parents,
    pub(crate) service: String,
}

/// What a flush needs, on whichever thread it runs.
pub(crate) struct Running {
    pub(crate) providers: Providers,
    pub(crate) console: Option<Console>,
    pub(crate) deliveries: Deliveries,
    #[cfg(feature = "proxy")]
    pub(crate) proxy: Proxy,
}

impl Logfire {
    pub(crate) fn new(running: Running, propagator: Propagator, env: &Environment) -> Self {
        Self {
            running: Arc::new(running),
            propagator,
            closed: AtomicBool::new(false),
            warnings: env.warnings.clone(),
            #[cfg(feature = "tracing")]
            rust_log: crate::tracing_bridge::filter_of(env),
            #[cfg(feature = "tracing")]
            bridged: Bridged::default(),
        }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn bridging(mut self, bridged: Bridged) -> Self {
        self.bridged = bridged;
        self
    }

    #[cfg(any(feature = "proxy", feature = "tracing"))]
    pub(crate) fn warn(&self, warning: &str) {
        self.warnings.warn(&warning);
    }

    #[cfg(feature = "proxy")]
    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    #[cfg(feature = "proxy")]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn rust_log(&self) -> Option<&str> {
        self.rust_log.as_deref()
    }

    #[cfg(feature = "tracing")]
    pub(crate) const fn bridged(&self) -> &Bridged {
        &self.bridged
    }

    /// Sends what has been recorded so far, and waits until it has arrived, at most 5 seconds.
    ///
    /// # Errors
    ///
    /// If something could not be delivered in time. What is still queued is tried again in the background.
    ///
    /// ```
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// logfire.force_flush().expect("nothing to send");
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn force_flush(&self) -> Result<(), FlushError> {
        self.force_flush_with_timeout(TIMEOUT)
    }

    /// As [`Logfire::force_flush`], with another limit than 5 seconds.
    ///
    /// # Errors
    ///
    /// If something could not be delivered in time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// logfire.force_flush_with_timeout(Duration::from_secs(30)).expect("nothing to send");
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn force_flush_with_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        if self.closed.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.within(timeout, Running::flush)
    }

    /// Ends recording, sends what is left, and waits until it has arrived, at most 5 seconds.
    ///
    /// A second shutdown does nothing. Dropping does the same and tells an error on stderr.
    ///
    /// # Errors
    ///
    /// If something could not be delivered in time; it is lost.
    ///
    /// ```
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// logfire.shutdown().expect("nothing to send");
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn shutdown(&self) -> Result<(), FlushError> {
        self.shutdown_with_timeout(TIMEOUT)
    }

    /// As [`Logfire::shutdown`], with another limit than 5 seconds.
    ///
    /// # Errors
    ///
    /// If something could not be delivered in time; it is lost.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// logfire.shutdown_with_timeout(Duration::from_secs(30)).expect("nothing to send");
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn shutdown_with_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        self.within(timeout, Running::shutdown)
    }

    /// The tracer provider, which is also the global one unless the configuration is
    /// [`local`](crate::Configuration::local).
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::trace::{Tracer, TracerProvider};
    ///
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let tracer = logfire.tracer_provider().tracer("shop");
    /// tracer.in_span("work", |_| ());
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.running.providers.tracers
    }

    /// The meter provider, which is also the global one unless the configuration is
    /// [`local`](crate::Configuration::local).
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::metrics::MeterProvider;
    ///
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let orders = logfire.meter_provider().meter("shop").u64_counter("orders").build();
    /// orders.add(1, &[]);
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn meter_provider(&self) -> &SdkMeterProvider {
        &self.running.providers.meters
    }

    /// The logger provider, for bridges from logging crates. OpenTelemetry has no global one.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
    ///
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let logger = logfire.logger_provider().logger("shop");
    /// let mut record = logger.create_log_record();
    /// record.set_body("sold".into());
    /// logger.emit(record);
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn logger_provider(&self) -> &SdkLoggerProvider {
        &self.running.providers.loggers
    }

    /// What became of the spans and logs that were recorded so far: delivered, lost, or still on their way.
    ///
    /// Losses are also told in a warning, at most once a minute.
    ///
    /// ```
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let statistics = logfire.export_statistics();
    /// assert!(statistics.spans.iter().all(|spans| spans.dropped == 0));
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn export_statistics(&self) -> ExportStatistics {
        self.running.deliveries.statistics()
    }

    /// The propagator, which is also the global one unless the configuration is
    /// [`local`](crate::Configuration::local).
    ///
    /// Environment: `OTEL_PROPAGATORS` (`tracecontext`, `baggage`, `b3`, `b3multi`, or `none`). W3C trace context and
    /// baggage by default.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::propagation::TextMapPropagator;
    ///
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let fields: Vec<_> = logfire.propagator().fields().map(str::to_owned).collect();
    /// assert_eq!(fields, ["traceparent", "tracestate", "baggage"]);
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn propagator(&self) -> Propagator {
        self.propagator.clone()
    }

    /// Runs `work` on a thread of its own, because processors of the user may know no limit.
    fn within(
        &self,
        timeout: Duration,
        work: fn(&Running, Instant) -> Result<(), FlushError>,
    ) -> Result<(), FlushError> {
        let now = Instant::now();
        let deadline =
            now.checked_add(timeout).unwrap_or(now + Duration::from_secs(365 * 24 * 3600));
        let running = Arc::clone(&self.running);
        let (sender, done) = channel();
        let spawned = thread::Builder::new().name("logfire-flush".to_owned()).spawn(move || {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            // Nobody listens any more if time is up.
            let _ = sender.send(work(&running, deadline));
        });
        match spawned {
            Ok(_) => done
                .recv_timeout(deadline.saturating_duration_since(Instant::now()) + GRACE)
                .unwrap_or_else(|error| {
                    let reason = match error {
                        RecvTimeoutError::Timeout => format!("not finished after {timeout:?}"),
                        RecvTimeoutError::Disconnected => "the flush panicked".to_owned(),
                    };
                    Err(FlushError { reasons: vec![reason] })
                }),
            Err(_) => work(&self.running, deadline),
        }
    }
}

/// The thread that flushes tells at the deadline what is missing; this is for the words to arrive.
const GRACE: Duration = Duration::from_millis(200);

impl Drop for Logfire {
    fn drop(&mut self) {
        if let Err(error) = self.shutdown() {
            self.warnings.warn(&error);
        }
    }
}

impl fmt::Debug for Logfire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logfire")
            .field("deliveries", &self.running.deliveries)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Running {
    fn flush(&self, deadline: Instant) -> Result<(), FlushError> {
        let mut reasons = Vec::new();
        note(&mut reasons, self.providers.tracers.force_flush());
        note(&mut reasons, guarded::readers(|| self.providers.meters.force_flush()));
        note(&mut reasons, self.providers.loggers.force_flush());
        reasons.extend(self.deliveries().flush(deadline));
        self.finish(deadline, reasons)
    }

    fn shutdown(&self, deadline: Instant) -> Result<(), FlushError> {
        // What is lost from here on is told in the error.
        self.deliveries.tell_losses();
        let mut reasons = Vec::new();
        let left = || deadline.saturating_duration_since(Instant::now());
        note(&mut reasons, self.providers.tracers.shutdown_with_timeout(left()));
        note(
            &mut reasons,
            guarded::readers(|| self.providers.meters.shutdown_with_timeout(left())),
        );
        note(&mut reasons, self.providers.loggers.shutdown_with_timeout(left()));
        reasons.extend(self.deliveries().shutdown(deadline));
        self.finish(deadline, reasons)
    }

    /// All of them, so that they end at the same time.
    #[cfg(feature = "proxy")]
    fn deliveries(&self) -> Deliveries {
        self.deliveries.with(&self.proxy.deliveries())
    }

    #[cfg(not(feature = "proxy"))]
    const fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// The console comes last, so that it shows what the processors still had.
    fn finish(&self, deadline: Instant, mut reasons: Vec<String>) -> Result<(), FlushError> {
        if self.console.as_ref().is_some_and(|console| !console.flush(deadline)) {
            reasons.push("the console did not take all lines".to_owned());
        }
        if reasons.is_empty() { Ok(()) } else { Err(FlushError { reasons }) }
    }
}

fn note(reasons: &mut Vec<String>, result: OTelSdkResult) {
    match result {
        // The user may have shut down the provider: then there is nothing left to do.
        Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
        Err(error) => reasons.push(error.to_string()),
    }
}
