//! The telemetry of browsers that a proxy in this process takes.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there is a proxy. Nothing else is published with it.
static EXISTS: AtomicBool = AtomicBool::new(false);

/// Leaves out, from now on and in the whole process, what browsers post to a telemetry proxy: `POST`, and `OPTIONS` for
/// their preflights, at `…/logfire-proxy/v1/traces`, `…/logs` and `…/metrics`.
///
/// `logfire-rs-proxy` calls it for each proxy that is built. Until then such a request is recorded like any other: what
/// is recorded is not for clients to choose.
///
/// ```
/// logfire_rs_core::exclude_telemetry_proxy();
/// ```
pub fn exclude_telemetry_proxy() {
    EXISTS.store(true, Ordering::Relaxed);
}

/// Whether there is a proxy.
pub(super) fn exists() -> bool {
    EXISTS.load(Ordering::Relaxed)
}

/// Whether a request is telemetry for a proxy that there is.
pub(super) fn takes(method: &str, path: &str) -> bool {
    // One byte tells most other paths.
    path.as_bytes().last() == Some(&b's')
        && exists()
        && matches!(method, "POST" | "OPTIONS")
        && ["traces", "logs", "metrics"].iter().any(|signal| {
            path.strip_suffix(signal).is_some_and(|mount| mount.ends_with("/logfire-proxy/v1/"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_of_browsers_is_known_by_method_and_path_if_there_is_a_proxy() {
        const TRACES: &str = "/logfire-proxy/v1/traces";
        // The only test of this process that has a proxy.
        for method in ["POST", "OPTIONS", "GET"] {
            assert!(!takes(method, TRACES), "{method}");
        }
        exclude_telemetry_proxy();
        for (method, path, expected) in [
            ("POST", TRACES, true),
            ("OPTIONS", TRACES, true),
            ("POST", "/logfire-proxy/v1/logs", true),
            ("POST", "/api/v2/logfire-proxy/v1/metrics", true),
            ("GET", TRACES, false),
            ("HEAD", TRACES, false),
            ("DELETE", TRACES, false),
            ("post", TRACES, false),
            ("", TRACES, false),
            ("POST", "/logfire-proxy/v1/traces/", false),
            ("POST", "/logfire-proxy/v1/replays", false),
            ("POST", "/logfire-proxy/v1/xtraces", false),
            ("POST", "/not-logfire-proxy/v1/traces", false),
            ("POST", "/logfire-proxy/traces", false),
            ("POST", "/v1/traces", false),
            ("POST", "/s", false),
            ("POST", "", false),
        ] {
            assert_eq!(takes(method, path), expected, "{method} {path}");
        }
    }
}
