//! Where telemetry itself is sent: requests that are never recorded, or they would make more of
//! themselves without end.

use crate::address;
use crate::environment::Environment;
use crate::redaction::FilterUrl;

const SIGNALS: [(&str, &str); 3] =
    [("TRACES", "/v1/traces"), ("METRICS", "/v1/metrics"), ("LOGS", "/v1/logs")];

/// How the paths of OTLP over gRPC start, whatever the path of the endpoint is.
const GRPC: &str = "/opentelemetry.proto.collector.";

/// One URL that an exporter sends to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    host: String,
    port: Option<u16>,
    path: String,
}

/// The endpoints that the variables of OpenTelemetry and Logfire name.
pub(super) fn endpoints(environment: &Environment) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for (signal, path) in SIGNALS {
        let otlp = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        let otlp = otlp.unwrap_or_else(|| "http://localhost:4318".to_owned());
        for base in [Some(otlp), environment.get("LOGFIRE_BASE_URL")].into_iter().flatten() {
            let url = format!("{}{path}", base.trim_end_matches('/'));
            endpoints.extend(Endpoint::parse(&url));
        }
        let own = environment.get(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
        endpoints.extend(own.and_then(|it| Endpoint::parse(&it)));
    }
    endpoints
}

impl Endpoint {
    fn parse(url: &str) -> Option<Self> {
        let url = FilterUrl::parse(url);
        let path = if url.path().is_empty() { "/" } else { url.path() };
        Some(Self {
            host: url.host()?.to_ascii_lowercase(),
            port: port(&url),
            path: path.to_owned(),
        })
    }

    /// Whether `url` is this one, or a method of gRPC there.
    #[inline]
    pub(super) fn is(&self, url: &FilterUrl<'_>) -> bool {
        (url.path() == self.path || url.path().starts_with(GRPC))
            && port(url) == self.port
            && url.host().is_some_and(|it| it.eq_ignore_ascii_case(&self.host))
    }
}

fn port(url: &FilterUrl<'_>) -> Option<u16> {
    url.port().or_else(|| address::default_port(url.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_endpoints_themselves_are_meant() {
        let environment = Environment::from_lookup(|name| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://Collector:4318/",
                "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" => "https://logs.test/in",
                "LOGFIRE_BASE_URL" => "https://logfire.test:443",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let endpoints = endpoints(&environment);
        for (url, expected) in [
            ("http://collector:4318/v1/traces", true),
            ("http://collector:4318/v1/metrics?a=b", true),
            ("http://collector:4318/v1/traces/more", false),
            ("http://collector/v1/traces", false),
            ("http://collector:4318/", false),
            ("https://logs.test:443/in", true),
            ("https://logfire.test/v1/logs", true),
            ("https://logfire.test/v1/read-tokens", false),
            (
                "http://collector:4318/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                true,
            ),
            ("http://other:4318/opentelemetry.proto.collector.trace.v1.TraceService/Export", false),
            ("http://localhost:4318/v1/traces", false),
        ] {
            let url = FilterUrl::parse(url);
            assert_eq!(endpoints.iter().any(|it| it.is(&url)), expected, "{}", url.as_str());
        }
        // Where exporters send to when nobody tells them.
        let endpoints = super::endpoints(&Environment::from_lookup(|_| None));
        for (url, expected) in
            [("http://localhost:4318/v1/traces", true), ("http://localhost:4318/v1/other", false)]
        {
            assert_eq!(endpoints.iter().any(|it| it.is(&FilterUrl::parse(url))), expected, "{url}");
        }
    }
}
