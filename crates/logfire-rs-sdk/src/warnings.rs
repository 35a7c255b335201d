//! Where the SDK tells what it could not do.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, sync::Arc};

/// Called with one line per warning.
#[derive(Clone)]
pub(crate) struct Warnings(Arc<dyn Fn(&str) + Send + Sync>);

impl Warnings {
    pub(crate) fn new(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    pub(crate) fn warn(&self, warning: &impl fmt::Display) {
        // `println!` panics if stdout is gone, and some warnings are told in a `drop`.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(&warning.to_string())));
    }
}

/// One line on stderr; a stderr that is gone is no reason to fail.
impl Default for Warnings {
    fn default() -> Self {
        Self::new(|warning| {
            let _ = writeln!(std::io::stderr(), "logfire: {warning}");
        })
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warnings")
    }
}
