//! How one export gets to its destination, and what the answer means.

use std::{io, sync::Arc, time::Duration};

use crate::{Destination, Export, partial::PartialSuccess, post::Poster};

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
    /// The destination has taken it, but for so many of its items.
    AcceptedInPart {
        rejected: u64,
        /// What the destination said, without what may be a secret.
        reason: String,
    },
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

impl Answer {
    /// A success, with what the destination said about it.
    pub(crate) fn accepted(said: Option<PartialSuccess>, destination: &Destination) -> Self {
        said.map_or(Self::Accepted, |said| Self::AcceptedInPart {
            rejected: said.rejected.try_into().unwrap_or(0),
            reason: destination.quoted(&said.message),
        })
    }
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
