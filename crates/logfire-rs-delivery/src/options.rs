//! How much a delivery keeps and how long it tries.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{Problem, problem::Listener};

/// Limits of a [`Delivery`](crate::Delivery): queue length and size, retry times, and who hears of problems.
///
/// ```
/// use std::time::Duration;
/// use logfire_rs_delivery::DeliveryOptions;
///
/// let options = DeliveryOptions::default()
///     .max_exports(100)
///     .max_bytes(8 * 1024 * 1024)
///     .first_retry_after(Duration::from_millis(200));
/// ```
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    pub(crate) max_exports: usize,
    pub(crate) max_bytes: usize,
    pub(crate) first_retry_after: Duration,
    pub(crate) give_up_after: Duration,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) max_spool_bytes: u64,
    pub(crate) listener: Listener,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            max_exports: 1000,
            max_bytes: 64 * 1024 * 1024,
            first_retry_after: Duration::from_secs(1),
            give_up_after: Duration::from_secs(300),
            spool: None,
            max_spool_bytes: 512 * 1024 * 1024,
            listener: Listener(Arc::new(|_| ())),
        }
    }
}

impl DeliveryOptions {
    /// How many exports may wait, the one under way included. 1000 by default, at least one.
    ///
    /// ```
    /// # use logfire_rs_delivery::DeliveryOptions;
    /// let options = DeliveryOptions::default().max_exports(100);
    /// ```
    #[must_use]
    pub fn max_exports(mut self, max_exports: usize) -> Self {
        self.max_exports = max_exports.max(1);
        self
    }

    /// How many bytes, before compression, may wait, the export under way included. 64 MiB by default.
    ///
    /// ```
    /// # use logfire_rs_delivery::DeliveryOptions;
    /// let options = DeliveryOptions::default().max_bytes(1024 * 1024);
    /// ```
    #[must_use]
    pub const fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The wait before the first retry, which doubles with each further one up to 64 times. 1 second by default.
    ///
    /// ```
    /// # use {logfire_rs_delivery::DeliveryOptions, std::time::Duration};
    /// let options = DeliveryOptions::default().first_retry_after(Duration::from_millis(100));
    /// ```
    #[must_use]
    pub const fn first_retry_after(mut self, wait: Duration) -> Self {
        self.first_retry_after = wait;
        self
    }

    /// How long one export is tried before it counts as lost. 5 minutes by default.
    ///
    /// ```
    /// # use {logfire_rs_delivery::DeliveryOptions, std::time::Duration};
    /// let options = DeliveryOptions::default().give_up_after(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time;
        self
    }

    /// Keeps what cannot be delivered in files below this directory, until the destination is back, also if that is in
    /// another process. Nowhere by default.
    ///
    /// What has been tried for 5 seconds goes there, and what waits when the delivery is shut down. The directory is
    /// made if it is not there; each destination has one of its own in it, which one process at a time can use. Files
    /// are readable for their owner only, and hold no header of the destination. An export whose answer got lost is
    /// sent twice.
    ///
    /// ```
    /// # use logfire_rs_delivery::DeliveryOptions;
    /// let options = DeliveryOptions::default().spool("/var/lib/shop/telemetry");
    /// ```
    #[must_use]
    pub fn spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(directory.into());
        self
    }

    /// How many bytes the files of one destination may have together; the oldest are dropped. 512 MiB by default.
    ///
    /// ```
    /// # use logfire_rs_delivery::DeliveryOptions;
    /// let options = DeliveryOptions::default().spool("/tmp/x").max_spool_bytes(64 * 1024 * 1024);
    /// ```
    #[must_use]
    pub const fn max_spool_bytes(mut self, bytes: u64) -> Self {
        self.max_spool_bytes = bytes;
        self
    }

    /// Calls `listener` on the delivery's thread for each [`Problem`]. Nobody by default.
    ///
    /// ```
    /// # use logfire_rs_delivery::DeliveryOptions;
    /// let options = DeliveryOptions::default().on_problem(|problem| eprintln!("{problem}"));
    /// ```
    #[must_use]
    pub fn on_problem(mut self, listener: impl Fn(&Problem) + Send + Sync + 'static) -> Self {
        self.listener = Listener(Arc::new(listener));
        self
    }
}
