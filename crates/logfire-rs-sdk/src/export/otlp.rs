//! The `OTEL_EXPORTER_OTLP_*` variables.
//!
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::time::Duration;

use logfire_rs_delivery::{Compression, Destination};
use opentelemetry_sdk::metrics::Temporality;

use super::{encode::Encoding, milliseconds};
use crate::{ConfigureError, environment::Environment};

/// A signal and its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// Where the variables send a signal.
#[derive(Debug)]
pub(crate) struct OtlpTarget {
    pub(crate) destination: Destination,
    /// Empty if the signal has an endpoint of its own.
    pub(crate) path: &'static str,
    pub(crate) encoding: Encoding,
}

impl Signal {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// The name of a variable for this signal only.
    fn own(self, setting: &str) -> String {
        let signal = match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        };
        format!("OTEL_EXPORTER_OTLP_{signal}_{setting}")
    }

    const fn exporter(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_TRACES_EXPORTER",
            Self::Metrics => "OTEL_METRICS_EXPORTER",
            Self::Logs => "OTEL_LOGS_EXPORTER",
        }
    }
}

/// Where the variables send `signal`, or `None` if there is no endpoint or no exporter.
pub(crate) fn target(
    signal: Signal,
    env: &Environment,
) -> Result<Option<OtlpTarget>, ConfigureError> {
    let encoding = protocol(signal, env)?;
    let exporter = env.parsed(&[signal.exporter()], "`otlp` or `none`", |text| match text {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    });
    if exporter == Some(false) {
        return Ok(None);
    }
    Ok(endpoint(signal, env).map(|(destination, path)| {
        let destination = headers(signal, env, destination)
            .timeout(timeout(signal, env))
            .compression(compression(signal, env))
            .environment_proxy(env.is_process());
        OtlpTarget { destination, path, encoding }
    }))
}

/// <https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration>
pub(crate) fn temporality(env: &Environment) -> Temporality {
    let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let expected = "`cumulative`, `delta` or `lowmemory`";
    env.parsed(&[name], expected, |text| match text.to_ascii_lowercase().as_str() {
        "cumulative" => Some(Temporality::Cumulative),
        "delta" => Some(Temporality::Delta),
        "lowmemory" => Some(Temporality::LowMemory),
        _ => None,
    })
    .unwrap_or_default()
}

/// A protocol that cannot be spoken is an error even without an endpoint: the environment expects it to work.
fn protocol(signal: Signal, env: &Environment) -> Result<Encoding, ConfigureError> {
    let own = signal.own("PROTOCOL");
    let names = [own.as_str(), "OTEL_EXPORTER_OTLP_PROTOCOL"];
    let known = |text: &str| match text {
        "http/protobuf" => Some(Some(Encoding::Protobuf)),
        "http/json" => Some(Some(Encoding::Json)),
        "grpc" => Some(None),
        _ => None,
    };
    let expected = "`http/protobuf`, `http/json` or `grpc`";
    match env.parsed(&names, expected, known) {
        None => Ok(Encoding::Protobuf),
        Some(Some(encoding)) => Ok(encoding),
        Some(None) => {
            let name = if env.text(&[&own]).is_some() { own } else { names[1].to_owned() };
            Err(ConfigureError::FeatureOff {
                setting: format!("{name}=grpc"),
                feature: "otlp-grpc",
            })
        }
    }
}

/// The signal's own endpoint as it is, or the general one with the signal's path.
fn endpoint(signal: Signal, env: &Environment) -> Option<(Destination, &'static str)> {
    let own = signal.own("ENDPOINT");
    let read = |name: &str, path: &'static str| {
        // The text may hold a password, so that only the error shows it.
        let destination = Destination::new(&env.text(&[name])?);
        let destination = destination
            .inspect_err(|error| env.warn(&format_args!("{name} is ignored: {error}")))
            .ok()?;
        Some((destination, path))
    };
    read(&own, "").or_else(|| read("OTEL_EXPORTER_OTLP_ENDPOINT", signal.path()))
}

fn headers(signal: Signal, env: &Environment, destination: Destination) -> Destination {
    let own = signal.own("HEADERS");
    env.pairs(&[&own, "OTEL_EXPORTER_OTLP_HEADERS"]).into_iter().fold(
        destination,
        |destination, (name, value)| match destination.clone().header(&name, &value) {
            Ok(with_header) => with_header,
            Err(error) => {
                env.warn(&format_args!("a header for OTLP is ignored: {error}"));
                destination
            }
        },
    )
}

fn timeout(signal: Signal, env: &Environment) -> Duration {
    let own = signal.own("TIMEOUT");
    let timeout = milliseconds(env, &[&own, "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    timeout.unwrap_or(Duration::from_secs(10))
}

/// Gzip unless it is turned off: every collector takes it, and telemetry is repetitive.
fn compression(signal: Signal, env: &Environment) -> Compression {
    let own = signal.own("COMPRESSION");
    let names = [own.as_str(), "OTEL_EXPORTER_OTLP_COMPRESSION"];
    env.parsed(&names, "`gzip` or `none`", |text| match text {
        "gzip" => Some(Compression::Gzip),
        "none" => Some(Compression::None),
        _ => None,
    })
    .unwrap_or_default()
}
