//! Where telemetry itself is sent: requests that are never recorded, or they would make more of
//! themselves without end.

use crate::address;
use crate::environment::Environment;
use crate::redaction::FilterUrl;

const SIGNALS: [(&str, &str); 3] =
    [("TRACES", "/v1/traces"), ("METRICS", "/v1/metrics"), ("LOGS", "/v1/logs")];

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
        for base in ["OTEL_EXPORTER_OTLP_ENDPOINT", "LOGFIRE_BASE_URL"] {
            let base = environment.get(base);
            let url = base.map(|it| format!("{}{path}", it.trim_end_matches('/')));
            endpoints.extend(url.and_then(|it| Endpoint::parse(&it)));
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

    /// Whether `url` is this one.
    pub(super) fn is(&self, url: &FilterUrl<'_>) -> bool {
        url.path() == self.path
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
        ] {
            let url = FilterUrl::parse(url);
            assert_eq!(endpoints.iter().any(|it| it.is(&url)), expected, "{}", url.as_str());
        }
        assert_eq!(super::endpoints(&Environment::from_lookup(|_| None)), []);
    }
}
