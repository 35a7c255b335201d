//! What went wrong with a request, as far as any client's errors tell.

use std::any::Any;
use std::error::Error;

use logfire_rs_core::{ClientFailure, display};

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
        let elapsed = display(error) == "request timed out";
        failure.timeout |= elapsed;
        elapsed
    };
    ClientFailure::default().read(error, know).error_type()
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use super::*;

    #[derive(Debug)]
    enum Rude {
        Fails,
        Panics,
    }

    impl fmt::Display for Rude {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Fails => Err(fmt::Error),
                Self::Panics => std::panic::resume_unwind(Box::new("rude")),
            }
        }
    }

    impl Error for Rude {}

    #[test]
    fn an_error_that_fails_to_say_what_it_is_harms_nobody() {
        for error in [Rude::Fails, Rude::Panics] {
            assert_eq!(of(&error), "_OTHER");
            assert_eq!(
                of(&io::Error::new(io::ErrorKind::ConnectionReset, error)),
                "connection_reset"
            );
        }
    }
}
