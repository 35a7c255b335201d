//! What stands in for `export` when every feature that exports is off: settings that ask for it are errors.

use std::time::Instant;

use crate::{
    ConfigureError, ExportStatistics,
    environment::Environment,
    pipeline::Pipelines,
    send::{LogfireSettings, Tokens},
};

const ENDPOINTS: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
];

#[derive(Debug)]
pub(crate) struct Destinations;

#[derive(Debug)]
pub(crate) struct Outlets;

#[derive(Debug, Default)]
pub(crate) struct Deliveries(());

impl Destinations {
    pub(crate) fn resolve(
        settings: &LogfireSettings,
        env: &Environment,
    ) -> Result<Self, ConfigureError> {
        let Tokens { setting, tokens, .. } = settings.tokens(env)?;
        let endpoint = ENDPOINTS.into_iter().find(|name| env.text(&[name]).is_some());
        match (!tokens.is_empty()).then_some(setting).or(endpoint) {
            Some(setting) => Err(ConfigureError::FeatureOff {
                setting: setting.to_owned(),
                feature: "otlp-http",
            }),
            None => Ok(Self),
        }
    }

    #[expect(clippy::unused_self, reason = "something can be sent, in `export`")]
    pub(crate) const fn has_logfire(&self) -> bool {
        false
    }

    #[expect(clippy::unnecessary_wraps, reason = "starting threads can fail, in `export`")]
    pub(crate) const fn open(self, _env: &Environment) -> Result<Outlets, ConfigureError> {
        Ok(Outlets)
    }
}

impl Outlets {
    pub(crate) fn install(self, _pipelines: &mut Pipelines, _env: &Environment) -> Deliveries {
        Deliveries(())
    }
}

impl Deliveries {
    pub(crate) fn statistics(&self) -> ExportStatistics {
        ExportStatistics::default()
    }

    pub(crate) const fn tell_losses(&self) {}

    pub(crate) const fn flush(&self, _deadline: Instant) -> Vec<String> {
        Vec::new()
    }

    pub(crate) const fn shutdown(&self, _deadline: Instant) -> Vec<String> {
        Vec::new()
    }
}
