//! The telemetry proxy of a configuration.

use std::sync::OnceLock;
use std::time::Duration;

use logfire_rs_delivery::Deliveries;
use logfire_rs_proxy::{LogfireProxy, LogfireProxyBuilder};

use crate::{Logfire, environment::Environment};

/// The proxy, which has no threads before it is asked for.
#[derive(Debug)]
pub(crate) struct Proxy {
    settings: LogfireProxyBuilder,
    started: OnceLock<LogfireProxy>,
}

impl Proxy {
    /// `settings` are complete: nothing is read from the environment any more.
    pub(crate) const fn new(settings: LogfireProxyBuilder) -> Self {
        Self { settings, started: OnceLock::new() }
    }

    /// What a flush and a shutdown wait for.
    pub(crate) fn deliveries(&self) -> Deliveries {
        self.started.get().map(|proxy| proxy.deliveries().clone()).unwrap_or_default()
    }
}

/// A proxy without destinations, whose warnings are those of the configuration.
pub(crate) fn settings(env: &Environment) -> LogfireProxyBuilder {
    let warnings = env.warnings.clone();
    let settings = LogfireProxy::builder().env_lookup(|_| None).tokens([""; 0]);
    settings.on_warning(move |warning| warnings.warn(&warning))
}

impl Logfire {
    /// The proxy that forwards the telemetry of browsers to where this configuration sends its own, without showing
    /// them the token; a framework's `logfire_proxy` mounts it.
    ///
    /// Destinations are the Logfire tokens and the OTLP endpoints over HTTP; without any, and after a shutdown, nothing
    /// is forwarded. Its queues are its own, so that a browser takes no room from the server's telemetry, and
    /// [`Logfire::force_flush`] and [`Logfire::shutdown`] wait for them as well. Each call gives a clone of the same
    /// proxy, with the default limit for bodies and no list of origins.
    ///
    /// ```
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let proxy = logfire.proxy().allowed_origins(["https://shop.example"]);
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn proxy(&self) -> LogfireProxy {
        let proxy = self.running().proxy.started.get_or_init(|| {
            let settings = &self.running().proxy.settings;
            settings.clone().finish().unwrap_or_else(|error| {
                self.warn(&format!("nothing is forwarded for browsers: {error}"));
                LogfireProxy::default()
            })
        });
        if self.is_closed() {
            let _ = proxy.shutdown(Duration::ZERO);
        }
        proxy.clone()
    }
}
