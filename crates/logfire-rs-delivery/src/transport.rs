//! How one export gets to its destination, and what the answer means.

use std::{io, sync::Arc, time::Duration};

use crate::{Destination, Export, post::Poster};

/// A way to one destination that blocks.
pub(crate) trait Transport: Send + Sync {
    /// One try of an export: prepared once, called for each try.
    fn attempt<'a>(&'a self, export: &'a Export) -> Result<Attempt<'a>, String>;
}

pub(crate) type Attempt<'a> = Box<dyn Fn() -> Answer + 'a>;

/// What became of one try.
#[derive(Debug)]
pub(crate) enum Answer {
    Accepted,
    /// The destination will never take it.
    Refused {
        reason: String,
    },
    /// The destination answered that it is busy or broken.
    Busy {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// No answer: not connected, cut off, or too slow.
    Silent {
        reason: String,
        connected: bool,
    },
}

/// How long a request of this timeout may take to connect, since a host that drops packets would take all of it.
pub(crate) fn connect_timeout(timeout: Duration) -> Duration {
    timeout.min(Duration::from_secs(3))
}

pub(crate) const USER_AGENT: &str = concat!("logfire-rs/", env!("CARGO_PKG_VERSION"));

#[cfg_attr(
    not(feature = "grpc"),
    expect(clippy::unnecessary_wraps, reason = "the runtime of gRPC may not start")
)]
pub(crate) fn to(destination: &Destination) -> io::Result<Arc<dyn Transport>> {
    #[cfg(feature = "grpc")]
    if destination.speaks_grpc() {
        return Ok(Arc::new(crate::call::Caller::new(destination)?));
    }
    Ok(Arc::new(Poster::new(destination.clone())))
}
