//! What went wrong in the instrumentation itself: counted always, logged rarely.

use std::collections::HashSet;
use std::fmt::{Display, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use opentelemetry::otel_warn;

static HOOK_PANICS: AtomicU64 = AtomicU64::new(0);
static INVALID_SETTINGS: AtomicU64 = AtomicU64::new(0);
static DROPPED_METRIC_ATTRIBUTES: AtomicU64 = AtomicU64::new(0);

/// How often the instrumentation met a problem since the process started.
///
/// Nothing of it ever reached a request. Each kind is also logged, once, as an event of the
/// `tracing` crate, as OpenTelemetry logs its own (feature `internal-logs`, on by default).
///
/// ```
/// let problems = logfire_rs_core::diagnostics();
/// assert_eq!(problems.hook_panics, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// Hooks, filters and other closures of the application that panicked.
    pub hook_panics: u64,
    /// Patterns and environment variables that could not be used.
    pub invalid_settings: u64,
    /// Metric attributes beyond the limit of a request.
    pub dropped_metric_attributes: u64,
}

/// The problems that the instrumentation has met so far, in this process.
///
/// ```
/// let problems = logfire_rs_core::diagnostics();
/// println!("{} settings could not be used", problems.invalid_settings);
/// ```
#[must_use]
pub fn diagnostics() -> Diagnostics {
    Diagnostics {
        hook_panics: HOOK_PANICS.load(Ordering::Relaxed),
        invalid_settings: INVALID_SETTINGS.load(Ordering::Relaxed),
        dropped_metric_attributes: DROPPED_METRIC_ATTRIBUTES.load(Ordering::Relaxed),
    }
}

/// Runs a closure of the application; `None` if it panics.
pub(crate) fn guarded<R>(hook: &'static str, run: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(run))
        .inspect_err(|_| {
            HOOK_PANICS.fetch_add(1, Ordering::Relaxed);
            if first(hook) {
                otel_warn!(
                    name: "logfire_rs.hook_panicked",
                    hook = hook,
                    message = "a closure given to logfire-rs panicked; the request goes on without it"
                );
            }
        })
        .ok()
}

/// What an error of the application says; nothing if it panics or fails to say it.
///
/// For the adapters.
#[must_use]
pub fn display(error: &dyn Display) -> String {
    let text = guarded("Display", || {
        let mut text = String::new();
        write!(text, "{error}").map(|()| text)
    });
    text.and_then(Result::ok).unwrap_or_default()
}

/// A variable that counts as unset, since its value is not what is `expected`.
pub(crate) fn invalid_setting(name: &str, value: &str, expected: &str) {
    invalid(name, &format!("logfire-rs ignores {name}: `{value}` is not {expected}"));
}

/// A pattern that is taken literally.
pub(crate) fn invalid_pattern(setting: &str, pattern: &str, problem: &str) {
    invalid(
        setting,
        &format!(
            "logfire-rs takes `{pattern}` of {setting} literally: it is no regular expression, {problem}"
        ),
    );
}

fn invalid(setting: &str, message: &str) {
    INVALID_SETTINGS.fetch_add(1, Ordering::Relaxed);
    if first(message) {
        otel_warn!(name: "logfire_rs.invalid_setting", setting = setting, message = message);
    }
}

pub(crate) fn dropped_metric_attribute() {
    DROPPED_METRIC_ATTRIBUTES.fetch_add(1, Ordering::Relaxed);
    if first("metric attributes") {
        otel_warn!(
            name: "logfire_rs.metric_attribute_dropped",
            message = "a request has more than 20 metric attributes; the rest is dropped"
        );
    }
}

pub(crate) fn no_tracer_provider() {
    if first("no tracer provider") {
        otel_warn!(
            name: "logfire_rs.no_tracer_provider",
            message = "no tracer provider is installed for the version of `opentelemetry` that logfire-rs uses (0.32 or 0.33), or it was shut down, so there are no spans; install one before the first request, keep what `configure().finish()` returns until the program ends (`let _ =` drops it at once), and check with `cargo tree -i opentelemetry` that there is only one version"
        );
    }
}

/// Whether `problem` is met for the first time.
fn first(problem: &str) -> bool {
    static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    // A hook name or a setting of the program: their number is small, but not in our hands.
    seen.len() < 1000 && seen.insert(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_of_hooks_are_caught_and_counted() {
        let before = diagnostics().hook_panics;
        assert_eq!(guarded("fine", || 1), Some(1));
        assert_eq!(guarded("broken", || -> u8 { panic!("on purpose") }), None);
        assert!(diagnostics().hook_panics > before);
        assert!(first("only once") && !first("only once"));
    }
}
