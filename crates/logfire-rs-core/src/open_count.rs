//! How many of something are open, counted where it costs two additions.
//!
//! Each record of an SDK hashes the attributes and takes a lock. So the instrument is not told of each
//! start and end, but of the difference since it was told last, when the metrics are collected.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use opentelemetry::metrics::Meter;

/// What has started and not yet ended.
#[derive(Default)]
pub(crate) struct OpenCount {
    started: AtomicU64,
    ended: AtomicU64,
    /// What the instrument was told.
    told: Mutex<(u64, u64)>,
}

impl OpenCount {
    pub(crate) fn start(&self) {
        self.started.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// The change since the last call; 0 if as many ended as started, `None` if none did.
    pub(crate) fn change(&self) -> Option<i64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // In this order, nothing that has ended has not started.
        let ended = self.ended.load(Ordering::Acquire);
        let now = (self.started.load(Ordering::Acquire), ended);
        let change = now.0.wrapping_sub(told.0).wrapping_sub(now.1.wrapping_sub(told.1));
        let changed = *told != now;
        *told = now;
        changed.then(|| change.cast_signed())
    }
}

/// Calls `tell` whenever the metrics of `meter` are collected, as long as `counts` lives.
///
/// Nothing is ever observed, so nothing is exported. It has the name of the instrument that is told,
/// so that a view that picks the one picks the other.
pub(crate) fn when_collected<T: Send + Sync + 'static>(
    meter: &Meter,
    name: &'static str,
    counts: Weak<T>,
    tell: fn(&T),
) {
    let tell = move || counts.upgrade().iter().for_each(|it| tell(it));
    meter.i64_observable_up_down_counter(name).with_callback(move |_| tell()).build();
}
