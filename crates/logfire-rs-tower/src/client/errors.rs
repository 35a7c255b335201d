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

/// The `error.type` of `error`: that of the `io::Error` in its chain.
pub(super) fn of(error: &(dyn Error + 'static)) -> &'static str {
    ClientFailure::default().read(error, |_, _| false).error_type()
}
