//! What becomes of what travels in exports.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts what becomes of the items, such as spans, that travel in exports; see [`Export::counted`].
///
/// Clones count together. What is in none of the counts is still waiting.
///
/// ```
/// # use {logfire_rs_delivery::*, std::time::Duration};
/// let delivery = Delivery::start(Destination::new("http://127.0.0.1:1")?, DeliveryOptions::default())?;
/// let spans = Tally::default();
/// let export = Export::new("/v1/traces", "application/x-protobuf", "three spans").counted(&spans, 3);
/// delivery.submit(export)?;
/// delivery.shutdown(Duration::from_secs(5)).unwrap_err();
/// assert_eq!((spans.counts().accepted, spans.counts().lost), (0, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Export::counted`]: crate::Export::counted
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    lost: AtomicU64,
    spooled: AtomicU64,
}

/// What a [`Tally`] has counted so far.
///
/// ```
/// assert_eq!(logfire_rs_delivery::Tally::default().counts().lost, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TallyCounts {
    /// Items that the destination has accepted.
    pub accepted: u64,
    /// Items that will never arrive.
    pub lost: u64,
    /// Items that wait on disk.
    pub spooled: u64,
}

/// What became of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    /// But for so many items.
    AcceptedInPart(u64),
    Lost,
    Spooled,
}

/// Items of an export, and who counts them.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) tally: Tally,
    pub(crate) items: u64,
}

impl Counted {
    pub(crate) fn became(&self, outcome: Outcome) {
        let counters = &self.tally.0;
        match outcome {
            Outcome::AcceptedInPart(rejected) => {
                let rejected = rejected.min(self.items);
                counters.lost.fetch_add(rejected, Ordering::Relaxed);
                counters.accepted.fetch_add(self.items - rejected, Ordering::Relaxed);
            }
            Outcome::Accepted => _ = counters.accepted.fetch_add(self.items, Ordering::Relaxed),
            Outcome::Lost => self.tally.lose(self.items),
            Outcome::Spooled => _ = counters.spooled.fetch_add(self.items, Ordering::Relaxed),
        }
    }

    pub(crate) fn left_the_spool(&self, outcome: Outcome) {
        self.tally.0.spooled.fetch_sub(self.items, Ordering::Relaxed);
        self.became(outcome);
    }
}

impl Tally {
    /// The counts.
    #[must_use]
    pub fn counts(&self) -> TallyCounts {
        TallyCounts {
            accepted: self.0.accepted.load(Ordering::Relaxed),
            lost: self.0.lost.load(Ordering::Relaxed),
            spooled: self.0.spooled.load(Ordering::Relaxed),
        }
    }

    /// Counts items as lost that cannot become an export.
    pub fn lose(&self, items: u64) {
        self.0.lost.fetch_add(items, Ordering::Relaxed);
    }
}
