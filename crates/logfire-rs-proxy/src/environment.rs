//! Reads settings from the environment, and tells what is wrong.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, sync::Arc, time::Duration};

use crate::Signal;

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables, of the process or of what a test puts in their place.
#[derive(Clone, Default)]
pub(crate) struct Environment(pub(crate) Option<Arc<Lookup>>);

impl Environment {
    /// The value of `name`, if it is more than blanks.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Some(lookup) => lookup(name),
            None => std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
        };
        let value = value?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    pub(crate) const fn is_process(&self) -> bool {
        self.0.is_none()
    }

    /// The timeout of a signal: its own, else the general one; a bad value counts as unset.
    pub(crate) fn timeout(&self, signal: Signal, warnings: &Warnings) -> Option<Duration> {
        let names = [signal.timeout_variable(), "OTEL_EXPORTER_OTLP_TIMEOUT"];
        names.into_iter().find_map(|name| {
            let text = self.text(name)?;
            let milliseconds = text.parse().ok().filter(|it| *it > 0);
            if milliseconds.is_none() {
                let expected = "a positive number of milliseconds";
                warnings.warn(&format_args!("{name} is ignored: `{text}` is not {expected}"));
            }
            milliseconds.map(Duration::from_millis)
        })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// Called with one line per warning.
#[derive(Clone)]
pub(crate) struct Warnings(pub(crate) Arc<dyn Fn(&str) + Send + Sync>);

impl Warnings {
    pub(crate) fn warn(&self, warning: &impl fmt::Display) {
        // `println!` panics if stdout is gone.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(&warning.to_string())));
    }
}

/// One line on stderr; a stderr that is gone is no reason to fail.
impl Default for Warnings {
    fn default() -> Self {
        Self(Arc::new(|warning| {
            let _ = writeln!(std::io::stderr(), "logfire proxy: {warning}");
        }))
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warnings")
    }
}
