//! What a delivery tells about its troubles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, sync::Arc};

/// A trouble of a [`Delivery`](crate::Delivery): told once, and again after a minute if it is still there.
///
/// ```
/// use logfire_rs_delivery::{DeliveryOptions, Problem};
///
/// let options = DeliveryOptions::default().on_problem(|problem: &Problem| eprintln!("telemetry: {problem}"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The destination cannot be reached, or asks to come back later.
    #[non_exhaustive]
    Unreachable {
        /// Base URL of the destination.
        destination: String,
        /// What went wrong, last, and what comes of it, for example `status 503; trying again`.
        reason: String,
    },
    /// The destination answered with a status that is not worth a retry; the export is lost.
    #[non_exhaustive]
    Refused {
        /// Base URL of the destination.
        destination: String,
        /// The status and what to do, for example `status 401; check the token`.
        reason: String,
    },
    /// The destination took an export, but for some of its items, which are lost, or has something to say about it.
    #[non_exhaustive]
    Rejected {
        /// Base URL of the destination.
        destination: String,
        /// How many spans, logs or data points it did not take.
        items: u64,
        /// What it said, without the values of headers; empty if nothing.
        reason: String,
    },
    /// What cannot be delivered cannot be kept on disk either.
    #[non_exhaustive]
    Unkept {
        /// The directory.
        directory: String,
        /// What went wrong, last.
        reason: String,
    },
    /// Exports are lost since the last report: the queue was full, or time was up.
    #[non_exhaustive]
    Lost {
        /// Base URL of the destination.
        destination: String,
        /// How many exports.
        exports: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { destination, reason } => {
                write!(f, "cannot deliver to {destination}: {reason}")
            }
            Self::Refused { destination, reason } => {
                write!(f, "{destination} refuses telemetry with {reason}")
            }
            Self::Rejected { destination, items, reason } => {
                let s = if *items == 1 { "" } else { "s" };
                write!(f, "{destination} takes telemetry, but rejects {items} item{s}")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::Unkept { directory, reason } => {
                write!(f, "cannot keep telemetry in {directory}: {reason}")
            }
            Self::Lost { destination, exports } => {
                let s = if *exports == 1 { "" } else { "s" };
                write!(f, "{exports} export{s} to {destination} lost")
            }
        }
    }
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct Listener(pub(crate) Arc<dyn Fn(&Problem) + Send + Sync>);

impl Listener {
    /// A listener that panics, as `println!` does without a stdout, does not stop the delivery.
    pub(crate) fn tell(&self, problem: &Problem) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(problem)));
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
