//! Several deliveries that end together.

use std::{
    sync::Arc,
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use crate::{Delivery, Unfinished};

/// Deliveries that are flushed and shut down at the same time, so that one that hangs takes no time from the others.
///
/// ```
/// # use {logfire_rs_delivery::*, std::{sync::Arc, time::Duration}};
/// let destination = Destination::new("http://127.0.0.1:1")?;
/// let delivery = Arc::new(Delivery::start(destination, DeliveryOptions::default())?);
/// let deliveries = Deliveries::from_iter([delivery]);
/// assert!(deliveries.shutdown(Duration::from_secs(5)).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Deliveries(Vec<Arc<Delivery>>);

impl Deliveries {
    /// Waits at most `timeout` until everything has arrived; what has not. See [`Delivery::flush`].
    #[must_use]
    pub fn flush(&self, timeout: Duration) -> Vec<Unfinished> {
        self.all(|delivery| delivery.flush(timeout))
    }

    /// Takes nothing more, and waits at most `timeout` until everything has arrived; what has not. See
    /// [`Delivery::shutdown`].
    #[must_use]
    pub fn shutdown(&self, timeout: Duration) -> Vec<Unfinished> {
        self.all(|delivery| delivery.shutdown(timeout))
    }

    /// The deliveries.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Delivery>> {
        self.0.iter()
    }

    fn all(&self, wait: impl Fn(&Delivery) -> Result<(), Unfinished> + Sync) -> Vec<Unfinished> {
        let wait = &wait;
        thread::scope(|scope| {
            let start = |delivery| {
                let waiting = thread::Builder::new().spawn_scoped(scope, move || wait(delivery));
                // Without a thread they wait one after the other.
                waiting.map_err(|_| wait(delivery))
            };
            let waits: Vec<_> = self.0.iter().map(|delivery| start(delivery)).collect();
            let finish = |waiting| match waiting {
                Ok(waiting) => ScopedJoinHandle::join(waiting).unwrap_or(Ok(())),
                Err(result) => result,
            };
            waits.into_iter().map(finish).filter_map(Result::err).collect()
        })
    }
}

impl Extend<Arc<Delivery>> for Deliveries {
    fn extend<I: IntoIterator<Item = Arc<Delivery>>>(&mut self, deliveries: I) {
        self.0.extend(deliveries);
    }
}

impl FromIterator<Arc<Delivery>> for Deliveries {
    fn from_iter<I: IntoIterator<Item = Arc<Delivery>>>(deliveries: I) -> Self {
        Self(deliveries.into_iter().collect())
    }
}
