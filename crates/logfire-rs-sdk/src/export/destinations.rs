//! Which ways out there are: one per Logfire token, and those of the OTLP variables.

use std::{path::PathBuf, sync::Arc};

use logfire_rs_delivery::{Destination, Region, Tally};
#[cfg(feature = "proxy")]
use logfire_rs_proxy::LogfireProxyBuilder;
use opentelemetry_sdk::metrics::Temporality;

use super::{
    Outlet, Outlets,
    encode::Encoding,
    otlp::{self, OtlpTarget, Signal},
};
use crate::{
    ConfigureError,
    environment::Environment,
    send::{LogfireSettings, Tokens},
};

/// Everything that can be wrong is found before a thread is started.
#[derive(Debug)]
pub(crate) struct Destinations {
    logfire: Vec<Destination>,
    traces: Option<OtlpTarget>,
    metrics: Option<OtlpTarget>,
    logs: Option<OtlpTarget>,
    otlp_temporality: Temporality,
    spool: Option<PathBuf>,
}

impl Destinations {
    pub(crate) fn resolve(
        settings: &LogfireSettings,
        env: &Environment,
    ) -> Result<Self, ConfigureError> {
        Ok(Self {
            logfire: logfire(settings, env)?,
            traces: otlp::target(Signal::Traces, env)?,
            metrics: otlp::target(Signal::Metrics, env)?,
            logs: otlp::target(Signal::Logs, env)?,
            otlp_temporality: otlp::temporality(env),
            spool: settings
                .spool
                .clone()
                .or_else(|| env.text(&["LOGFIRE_SPOOL_DIR"]).map(PathBuf::from)),
        })
    }

    pub(crate) const fn has_logfire(&self) -> bool {
        !self.logfire.is_empty()
    }

    /// The same destinations for what browsers send.
    #[cfg(feature = "proxy")]
    pub(crate) fn proxy(&self, env: &Environment) -> LogfireProxyBuilder {
        let mut proxy = crate::proxy::settings(env);
        for destination in &self.logfire {
            proxy = proxy.destination(destination.clone());
        }
        for (signal, browser_signal, target) in [
            (Signal::Traces, logfire_rs_proxy::Signal::Traces, &self.traces),
            (Signal::Metrics, logfire_rs_proxy::Signal::Metrics, &self.metrics),
            (Signal::Logs, logfire_rs_proxy::Signal::Logs, &self.logs),
        ] {
            proxy = proxy.timeout(browser_signal, otlp::timeout(signal, env));
            // A body for gRPC is another one, and it stays as it came.
            let target = target.as_ref().filter(|target| target.encoding != Encoding::Grpc);
            if let Some(OtlpTarget { destination, path, .. }) = target {
                proxy = proxy.destination_of(browser_signal, path, destination.clone());
            }
        }
        proxy
    }

    /// Starts the delivery threads.
    pub(crate) fn open(self, env: &Environment) -> Result<Outlets, ConfigureError> {
        let mut outlets = Outlets::new(self.spool, env);
        for destination in self.logfire {
            let name = destination.to_string();
            let delivery = outlets.deliver_to(destination, env)?;
            for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
                outlets.of(signal).push(Outlet {
                    delivery: Arc::clone(&delivery),
                    is_logfire: true,
                    path: signal.path(),
                    encoding: Encoding::Protobuf,
                    // Logfire adds up deltas; so does its Python SDK send them.
                    temporality: Temporality::Delta,
                    destination: name.clone(),
                    tally: Tally::default(),
                });
            }
        }
        for (signal, target) in [
            (Signal::Traces, self.traces),
            (Signal::Metrics, self.metrics),
            (Signal::Logs, self.logs),
        ] {
            let Some(OtlpTarget { destination, path, encoding }) = target else { continue };
            let outlet = Outlet {
                destination: destination.to_string(),
                delivery: outlets.deliver_to(destination, env)?,
                is_logfire: false,
                path,
                encoding,
                temporality: self.otlp_temporality,
                tally: Tally::default(),
            };
            outlets.of(signal).push(outlet);
        }
        Ok(outlets)
    }
}

fn logfire(
    settings: &LogfireSettings,
    env: &Environment,
) -> Result<Vec<Destination>, ConfigureError> {
    let Tokens { setting, tokens, base_url: of_tokens } = settings.tokens(env)?;
    let base_url = base_url(settings.base_url.as_deref(), of_tokens, setting, env)?;
    let destination = |token: String| {
        let destination = match &base_url {
            Some(base_url) => base_url.clone().header("authorization", &token),
            None => {
                if Region::of_token(&token).is_none() {
                    let us = Region::Us.base_url();
                    env.warn(&format_args!(
                        "{setting} names no known region of Logfire: sending to {us}"
                    ));
                }
                Destination::logfire(&token)
            }
        };
        match destination {
            Ok(destination) => Ok(destination.environment_proxy(env.is_process())),
            Err(error) => {
                let reason = format!("{error}: copy the token once more");
                Err(ConfigureError::Invalid { setting, reason })
            }
        }
    };
    tokens.into_iter().map(destination).collect()
}

/// That of the setter, of the variable, or of the credentials file. An invalid one is an error wherever it comes from: the
/// default would send telemetry to the wrong place.
fn base_url(
    setter: Option<&str>,
    of_tokens: Option<String>,
    credentials: &'static str,
    env: &Environment,
) -> Result<Option<Destination>, ConfigureError> {
    let variable = || Some(("LOGFIRE_BASE_URL", env.text(&["LOGFIRE_BASE_URL"])?));
    let found = setter.map(|base_url| ("base_url", base_url.to_owned()));
    let found = found.or_else(variable).or_else(|| Some((credentials, of_tokens?)));
    let Some((setting, base_url)) = found else { return Ok(None) };
    let destination = Destination::new(&base_url).map(Some);
    destination.map_err(|error| ConfigureError::Invalid { setting, reason: error.to_string() })
}
