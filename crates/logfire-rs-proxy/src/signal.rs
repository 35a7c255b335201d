//! What a browser may post, and where.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A kind of telemetry.
///
/// ```
/// use logfire_rs_proxy::Signal;
///
/// assert_eq!(Signal::ALL.map(Signal::path), ["/v1/traces", "/v1/logs", "/v1/metrics"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// The path of OTLP over HTTP below a base URL.
    /// <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// The name of the variable that sets the timeout of this signal only.
    pub(crate) const fn timeout_variable(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            Self::Logs => "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
            Self::Metrics => "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        }
    }

    /// The signal that is posted to `path`, decoded once and with its dots and slashes resolved.
    ///
    /// The rule is the one of Logfire's Python SDK, where POSIX keeps exactly two leading slashes.
    pub(crate) fn posted_to(path: &str) -> Option<Self> {
        if path.contains("://") || path.contains(['?', '#']) {
            return None;
        }
        let path = match path.starts_with('/') {
            true => Cow::Borrowed(path),
            false => Cow::Owned(format!("/{path}")),
        };
        let path = percent_decode_str(&path).decode_utf8().ok()?;
        if path.starts_with("//") && !path.starts_with("///") {
            return None;
        }
        let mut segments = Vec::new();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                segment => segments.push(segment),
            }
        }
        match segments.as_slice() {
            ["v1", "traces"] => Some(Self::Traces),
            ["v1", "logs"] => Some(Self::Logs),
            ["v1", "metrics"] => Some(Self::Metrics),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;

    #[test]
    fn a_path_is_one_of_three_however_it_is_written() {
        for (path, expected) in [
            ("/v1/traces", Some(Signal::Traces)),
            ("v1/logs", Some(Signal::Logs)),
            ("v1/metrics/", Some(Signal::Metrics)),
            ("/v1//traces", Some(Signal::Traces)),
            ("///v1/traces", Some(Signal::Traces)),
            ("v1/%74races", Some(Signal::Traces)),
            ("v1%2Ftraces", Some(Signal::Traces)),
            ("/v1/traces/../logs", Some(Signal::Logs)),
            ("x/../v1/traces", Some(Signal::Traces)),
            ("/../v1/traces", Some(Signal::Traces)),
            ("/v1/./traces", Some(Signal::Traces)),
            ("//v1/traces", None),
            ("%2Fv1/traces", None),
            ("/v1/traces/%2e%2e/secret", None),
            ("/v1/traces/..", None),
            ("https://evil.example/v1/traces", None),
            ("/v1/traces?x=1", None),
            ("/v1/traces%3Fx=1", None),
            ("/v1/traces#x", None),
            ("/v1/traces%23", None),
            ("/v1/traces%00", None),
            ("/v1/traces%ff", None),
            ("/v1/%2574races", None),
            ("/V1/TRACES", None),
            ("/v1/replay/1", None),
            ("/v1", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Signal::posted_to(path), expected, "{path}");
        }
    }
}
