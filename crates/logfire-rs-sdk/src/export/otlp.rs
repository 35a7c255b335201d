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
    /// Empty if the signal has an endpoint of its own; the method with gRPC.
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

    /// <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>
    const fn method(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
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
    let encoding = protocol(signal, env, cfg!(feature = "otlp-grpc"))?;
    let exporter = env.parsed(&[signal.exporter()], "`otlp` or `none`", |text| {
        match text.to_ascii_lowercase().as_str() {
            "otlp" => Some(true),
            "none" => Some(false),
            _ => None,
        }
    });
    if exporter == Some(false) {
        return Ok(None);
    }
    let endpoint = match encoding {
        Encoding::Grpc => grpc_endpoint(signal, env),
        Encoding::Protobuf | Encoding::Json => endpoint(signal, env),
    };
    Ok(endpoint.map(|(destination, path)| {
        let destination = headers(signal, env, destination)
            .timeout(timeout(signal, env))
            .compression(compression(signal, env))
            .environment_proxy(env.is_process());
        let destination = trusting(signal, env, destination);
        OtlpTarget { destination: known(signal, env, destination), path, encoding }
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
fn protocol(signal: Signal, env: &Environment, grpc: bool) -> Result<Encoding, ConfigureError> {
    let own = signal.own("PROTOCOL");
    let names = [own.as_str(), "OTEL_EXPORTER_OTLP_PROTOCOL"];
    let known = |text: &str| match text.to_ascii_lowercase().as_str() {
        "http/protobuf" => Some(Encoding::Protobuf),
        "http/json" => Some(Encoding::Json),
        "grpc" => Some(Encoding::Grpc),
        _ => None,
    };
    let expected = "`http/protobuf`, `http/json` or `grpc`";
    match env.parsed(&names, expected, known).unwrap_or(Encoding::Protobuf) {
        Encoding::Grpc if !grpc => {
            let name = if env.text(&[&own]).is_some() { own } else { names[1].to_owned() };
            Err(ConfigureError::FeatureOff {
                setting: format!("{name}=grpc"),
                feature: "otlp-grpc",
            })
        }
        encoding => Ok(encoding),
    }
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The signal's own endpoint as it is, or the general one with the signal's path.
fn endpoint(signal: Signal, env: &Environment) -> Option<(Destination, &'static str)> {
    let read = |name: &str, path| Some((destination(name, &env.text(&[name])?, env)?, path));
    read(&signal.own("ENDPOINT"), "").or_else(|| read(ENDPOINT, signal.path()))
}

/// The signal's own endpoint or the general one. Without a scheme, `OTEL_EXPORTER_OTLP_INSECURE` decides on TLS.
fn grpc_endpoint(signal: Signal, env: &Environment) -> Option<(Destination, &'static str)> {
    let read = |name: &str| {
        let mut url = env.text(&[name])?;
        if !url.contains("://") {
            let insecure = env.boolean(&signal.own("INSECURE"));
            let insecure = insecure.or_else(|| env.boolean("OTEL_EXPORTER_OTLP_INSECURE"));
            let scheme = if insecure == Some(true) { "http" } else { "https" };
            url = format!("{scheme}://{url}");
        }
        Some((calling(destination(name, &url, env)?), signal.method()))
    };
    read(&signal.own("ENDPOINT")).or_else(|| read(ENDPOINT))
}

#[cfg(feature = "otlp-grpc")]
const fn calling(destination: Destination) -> Destination {
    destination.grpc()
}

/// Without the feature nothing comes here.
#[cfg(not(feature = "otlp-grpc"))]
const fn calling(destination: Destination) -> Destination {
    destination
}

/// The text may hold a password, so that only the error shows it.
fn destination(name: &str, url: &str, env: &Environment) -> Option<Destination> {
    let destination = Destination::new(url);
    destination.inspect_err(|error| env.warn(&format_args!("{name} is ignored: {error}"))).ok()
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

/// The certificates in a file instead of those of the web.
fn trusting(signal: Signal, env: &Environment, destination: Destination) -> Destination {
    let own = signal.own("CERTIFICATE");
    let name = if env.text(&[&own]).is_some() { &own } else { "OTEL_EXPORTER_OTLP_CERTIFICATE" };
    let Some(file) = env.text(&[name]) else { return destination };
    let trusting = read(&file)
        .and_then(|pem| destination.clone().root_certificates(pem).map_err(|it| it.to_string()));
    trusting.unwrap_or_else(|error| {
        env.warn(&format_args!("{name} is ignored: {error}"));
        destination
    })
}

/// The certificate and the key of the client, for servers that ask for them.
fn known(signal: Signal, env: &Environment, destination: Destination) -> Destination {
    let name = |what: &str| {
        let own = signal.own(what);
        let has_own = env.text(&[&own]).is_some();
        if has_own { own } else { format!("OTEL_EXPORTER_OTLP_{what}") }
    };
    let (certificate, key) = (name("CLIENT_CERTIFICATE"), name("CLIENT_KEY"));
    let known = match (env.text(&[&certificate]), env.text(&[&key])) {
        (None, None) => return destination,
        (Some(certificate), Some(key)) => read(&certificate)
            .and_then(|certificate| Ok((certificate, read(&key)?)))
            .and_then(|(certificate, key)| {
                let known = destination.clone().client_certificate(certificate, key);
                known.map_err(|error| error.to_string())
            }),
        _ => Err("one without the other".to_owned()),
    };
    known.unwrap_or_else(|error| {
        env.warn(&format_args!("{certificate} and {key} are ignored: {error}"));
        destination
    })
}

/// The error does not show the name: in its place may be the key itself.
fn read(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("cannot read the file that it names: {error}"))
}

pub(super) fn timeout(signal: Signal, env: &Environment) -> Duration {
    let own = signal.own("TIMEOUT");
    let timeout = milliseconds(env, &[&own, "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    timeout.unwrap_or(Duration::from_secs(10))
}

/// Gzip unless it is turned off: every collector takes it, and telemetry is repetitive.
fn compression(signal: Signal, env: &Environment) -> Compression {
    let own = signal.own("COMPRESSION");
    let names = [own.as_str(), "OTEL_EXPORTER_OTLP_COMPRESSION"];
    env.parsed(&names, "`gzip` or `none`", |text| match text.to_ascii_lowercase().as_str() {
        "gzip" => Some(Compression::Gzip),
        "none" => Some(Compression::None),
        _ => None,
    })
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::environment;

    #[test]
    fn a_protocol_whose_feature_is_off_is_an_error_that_names_it() {
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            let (env, _) = environment(vec![(name, "grpc")].leak());
            assert_eq!(
                protocol(Signal::Traces, &env, false).unwrap_err().to_string(),
                format!(
                    "{name}=grpc needs the cargo feature `otlp-grpc`, which is off: enable it, or change the setting"
                )
            );
            assert_eq!(protocol(Signal::Traces, &env, true).unwrap(), Encoding::Grpc);
        }
    }

    #[test]
    fn choices_are_read_without_regard_to_case() {
        let (env, told) = environment(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/JSON"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "None"),
            ("OTEL_METRICS_EXPORTER", "NONE"),
            ("OTEL_LOGS_EXPORTER", "Otlp"),
        ]);
        let traces = target(Signal::Traces, &env).unwrap().unwrap();
        assert_eq!(traces.encoding, Encoding::Json);
        assert_eq!(compression(Signal::Traces, &env), Compression::None);
        assert!(target(Signal::Metrics, &env).unwrap().is_none());
        assert!(target(Signal::Logs, &env).unwrap().is_some());
        assert_eq!(*told.lock().unwrap(), [""; 0]);
    }

    /// The URL of the endpoint for traces over gRPC, and what was told.
    fn grpc(variables: &'static [(&'static str, &'static str)]) -> (Option<String>, Vec<String>) {
        let (env, told) = environment(variables);
        let url =
            grpc_endpoint(Signal::Traces, &env).map(|(destination, _)| destination.to_string());
        let told = told.lock().unwrap().clone();
        (url, told)
    }

    #[test]
    fn grpc_endpoints_may_lack_a_scheme() {
        let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let (insecure, own) = ("OTEL_EXPORTER_OTLP_INSECURE", "OTEL_EXPORTER_OTLP_TRACES_INSECURE");
        for (variables, url) in [
            (vec![], None),
            (vec![(endpoint, "http://a:4317")], Some("http://a:4317")),
            (vec![(endpoint, "a:4317")], Some("https://a:4317")),
            (vec![(endpoint, "a:4317"), (insecure, "true")], Some("http://a:4317")),
            (vec![(endpoint, "a"), (insecure, "true"), (own, "false")], Some("https://a")),
            (
                vec![(endpoint, "a"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b")],
                Some("https://b"),
            ),
        ] {
            assert_eq!(grpc(variables.leak()), (url.map(str::to_owned), vec![]));
        }
        let told = "OTEL_EXPORTER_OTLP_ENDPOINT is ignored: \
                    `https://:x` is not a URL like `https://host[:port][/path]`";
        assert_eq!(grpc(&[("OTEL_EXPORTER_OTLP_ENDPOINT", ":x")]), (None, vec![told.to_owned()]));
    }
}
