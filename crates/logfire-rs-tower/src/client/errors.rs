//! What went wrong with a request, as far as any client's errors tell.

use std::any::Any;
use std::error::Error;

use logfire_rs_core::ClientFailure;

/// The error in tower's boxed one, or a plain one of the standard library.
pub(super) fn boxed(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    match error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        Some(error) => Some(&**error),
        None => Some(error.downcast_ref::<std::io::Error>()?),
    }
}

/// The `error.type` of `error`: that of the `io::Error` in its chain, or of tower's limit of time.
pub(super) fn of(error: &(dyn Error + 'static)) -> &'static str {
    let know = |failure: &mut ClientFailure, error: &(dyn Error + 'static)| {
        // The type belongs to a feature of tower, which need not be there.
        let elapsed = error.to_string() == "request timed out";
        failure.timeout |= elapsed;
        elapsed
    };
    ClientFailure::default().read(error, know).error_type()
}
