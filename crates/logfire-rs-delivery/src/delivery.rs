//! What delivers: a queue and the thread that empties it.

use std::{
    fmt, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    DeliveryCounts, DeliveryOptions, Destination, Export, SubmitError, Unfinished, queue::Queue,
    spool::Spool, transport, worker::Worker,
};

/// What a shutdown keeps of its time for writing files.
const TIME_TO_WRITE: Duration = Duration::from_millis(500);

/// A queue to one destination with a thread of its own; see the [example of the crate](crate).
///
/// Exports are posted one after the other, in order. `408`, `429`, `5xx` and connections that fail are tried again
/// with growing waits, or when `Retry-After` says; any other answer is final. The thread runs under suppressed
/// telemetry, so that what it does is never exported itself.
///
/// Dropping it does not wait: the thread goes on with what is queued for the time of one request.
/// [`Delivery::shutdown`] waits.
pub struct Delivery {
    queue: Arc<Queue>,
    spool: Option<Arc<Spool>>,
    destination: Destination,
}

impl Delivery {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread to give.
    ///
    /// ```
    /// use logfire_rs_delivery::{Delivery, DeliveryOptions, Destination};
    ///
    /// let delivery = Delivery::start(Destination::new("http://localhost:4318")?, DeliveryOptions::default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(destination: Destination, options: DeliveryOptions) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(&options));
        let transport = transport::to(&destination)?;
        let spool = options.spool.as_ref().map(|directory| {
            Arc::new(Spool::new(directory, &destination, options.max_spool_bytes))
        });
        let worker =
            Worker::new(Arc::clone(&queue), transport, spool.clone(), options, &destination);
        thread::Builder::new().name("logfire-delivery".to_owned()).spawn(move || worker.run())?;
        Ok(Self { queue, spool, destination })
    }

    /// Queues an export. It never blocks.
    ///
    /// # Errors
    ///
    /// If the queue is full or the delivery was shut down; the export then counts as lost.
    ///
    /// ```
    /// # use {logfire_rs_delivery::*, std::time::Duration};
    /// let options = DeliveryOptions::default().max_bytes(10);
    /// let delivery = Delivery::start(Destination::new("http://127.0.0.1:1")?, options)?;
    /// let error = delivery.submit(Export::new("/v1/logs", "application/json", "12345678901")).unwrap_err();
    /// assert_eq!(error, SubmitError::QueueFull);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&self, export: Export) -> Result<(), SubmitError> {
        self.queue.push(export)
    }

    /// Waits at most `timeout` until what was submitted before has been delivered.
    ///
    /// # Errors
    ///
    /// If time is up, or something was lost meanwhile.
    ///
    /// ```
    /// # use {logfire_rs_delivery::*, std::time::Duration};
    /// let delivery = Delivery::start(Destination::new("http://127.0.0.1:1")?, DeliveryOptions::default())?;
    /// assert_eq!(delivery.flush(Duration::from_secs(1)), Ok(()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush(&self, timeout: Duration) -> Result<(), Unfinished> {
        let lost = self.queue.counts().lost;
        self.finished(self.queue.wait_until_finished(after(timeout), lost))
    }

    /// Takes nothing more, and waits at most `timeout` until what was submitted before has been delivered.
    ///
    /// Retries go on until the time is up, except to a destination that was never there: that is given up at once.
    /// A request under way when the time is up goes on in the background until its own timeout. With a
    /// [spool](DeliveryOptions::spool), what has not arrived is written there, and is not lost.
    ///
    /// # Errors
    ///
    /// If time is up, or something was lost meanwhile.
    ///
    /// ```
    /// # use {logfire_rs_delivery::*, std::time::Duration};
    /// let delivery = Delivery::start(Destination::new("http://127.0.0.1:1")?, DeliveryOptions::default())?;
    /// delivery.shutdown(Duration::from_secs(1))?;
    /// let export = Export::new("/v1/logs", "application/json", "{}");
    /// assert_eq!(delivery.submit(export), Err(SubmitError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> Result<(), Unfinished> {
        let (deadline, lost) = (after(timeout), self.queue.counts().lost);
        self.queue.close(deadline);
        if let Some(spool) = &self.spool {
            // The thread may hang in a request, and the files have to be written in time.
            let reserve = (timeout / 4).min(TIME_TO_WRITE);
            self.queue.wait_until_finished(deadline - reserve, lost);
            for export in self.queue.take_all() {
                spool.keep_taken(&export, &self.queue);
            }
        }
        let unfinished = self.queue.wait_until_finished(deadline, lost);
        if let Some(spool) = &self.spool {
            spool.release();
        }
        self.finished(unfinished)
    }

    /// What happened to the exports so far.
    ///
    /// ```
    /// # use logfire_rs_delivery::*;
    /// let delivery = Delivery::start(Destination::new("http://127.0.0.1:1")?, DeliveryOptions::default())?;
    /// assert_eq!(delivery.counts().accepted, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn counts(&self) -> DeliveryCounts {
        let spooled = self.spool.as_ref().map_or(0, |spool| spool.len() as u64);
        DeliveryCounts { spooled, ..self.queue.counts() }
    }

    fn finished(&self, exports: u64) -> Result<(), Unfinished> {
        match exports {
            0 => Ok(()),
            exports => Err(Unfinished { destination: self.destination.to_string(), exports }),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.queue.close(after(self.destination.request_timeout()));
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("destination", &self.destination)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// The end of a timeout; one that no clock can hold ends in a year.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + Duration::from_secs(365 * 24 * 3600))
}
