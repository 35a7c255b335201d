//! The bounded queue between those who submit and the thread that delivers.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{DeliveryOptions, Export, tally::Outcome};

/// The longest wait between two tries while a shutdown waits for them.
const PAUSE_DURING_SHUTDOWN: Duration = Duration::from_millis(200);

/// What happened to the exports of a [`Delivery`](crate::Delivery) so far.
///
/// ```
/// # use logfire_rs_delivery::*;
/// let delivery = Delivery::start(Destination::new("http://localhost:4318")?, DeliveryOptions::default())?;
/// let counts = delivery.counts();
/// assert_eq!((counts.accepted, counts.lost, counts.waiting), (0, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryCounts {
    /// Exports that the destination has accepted.
    pub accepted: u64,
    /// Exports that will never arrive: refused, given up, or submitted to a full or closed queue.
    pub lost: u64,
    /// Exports in the queue, the one under way included.
    pub waiting: u64,
    /// Their length in bytes, before compression.
    pub waiting_bytes: u64,
    /// Exports on disk, those of earlier processes included.
    pub spooled: u64,
}

/// Why an export was not queued. It counts as lost.
///
/// ```
/// use logfire_rs_delivery::SubmitError;
///
/// assert_eq!(SubmitError::QueueFull.to_string(), "the delivery queue is full");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitError {
    /// The queue holds as many exports or bytes as it may.
    QueueFull,
    /// The delivery was shut down.
    Closed,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "the delivery queue is full",
            Self::Closed => "the delivery was shut down",
        })
    }
}

impl std::error::Error for SubmitError {}

/// A flush or shutdown that did not get everything to the destination.
///
/// ```
/// # use {logfire_rs_delivery::*, std::time::Duration};
/// // Nothing listens on port 1.
/// let delivery = Delivery::start(Destination::new("http://127.0.0.1:1")?, DeliveryOptions::default())?;
/// delivery.submit(Export::new("/v1/traces", "application/x-protobuf", "x"))?;
/// let error = delivery.shutdown(Duration::from_secs(5)).unwrap_err();
/// assert_eq!(error.to_string(), "1 export to http://127.0.0.1:1 not delivered");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// Base URL of the destination.
    pub destination: String,
    /// Exports that were lost meanwhile or are still waiting.
    pub exports: u64,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.exports == 1 { "" } else { "s" };
        write!(f, "{} export{s} to {} not delivered", self.exports, self.destination)
    }
}

impl std::error::Error for Unfinished {}

/// First in, first out; the export under way stays at the front until [`Queue::finish`].
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    max_exports: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    exports: VecDeque<Export>,
    bytes: usize,
    accepted: u64,
    lost: u64,
    /// Exports that were taken away and are not settled yet.
    taken: u64,
    /// Exports that left the queue, either way.
    finished: u64,
    /// Set by shutdown: the time at which the thread must stop trying.
    deadline: Option<Instant>,
}

/// What the delivering thread has to do.
#[derive(Debug)]
pub(crate) enum Work {
    Export(Export),
    /// It is the time it has asked for.
    Wake,
    /// The delivery is closed, and there is nothing left to try.
    Over,
}

/// What the delivering thread does after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Retry,
    GiveUp,
}

impl Queue {
    pub(crate) fn new(options: &DeliveryOptions) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            max_exports: options.max_exports,
            max_bytes: options.max_bytes,
        }
    }

    pub(crate) fn push(&self, export: Export) -> Result<(), SubmitError> {
        let mut state = self.lock();
        let refusal = if state.deadline.is_some() {
            SubmitError::Closed
        } else if state.exports.len() >= self.max_exports
            || state.bytes.saturating_add(export.size()) > self.max_bytes
        {
            SubmitError::QueueFull
        } else {
            state.bytes += export.size();
            state.exports.push_back(export);
            self.changed.notify_all();
            return Ok(());
        };
        state.lost += 1;
        export.became(Outcome::Lost);
        Err(refusal)
    }

    /// The export at the front, as soon as there is one; what else there is to do at `wake_at`, or at the end.
    pub(crate) fn front(&self, wake_at: Option<Instant>) -> Work {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            match (state.exports.front(), state.deadline) {
                (Some(_), Some(deadline)) if now >= deadline => return Work::Over,
                (Some(export), _) => return Work::Export(export.clone()),
                (None, Some(_)) => return Work::Over,
                (None, None) => match wake_at.map(|at| at.saturating_duration_since(now)) {
                    Some(Duration::ZERO) => return Work::Wake,
                    Some(left) => {
                        let woken = self.changed.wait_timeout(state, left);
                        state = woken.unwrap_or_else(PoisonError::into_inner).0;
                    }
                    None => {
                        let woken = self.changed.wait(state);
                        state = woken.unwrap_or_else(PoisonError::into_inner);
                    }
                },
            }
        }
    }

    /// Counts what became of the export at the front, unless it was taken away meanwhile.
    pub(crate) fn settle(&self, outcome: Outcome) {
        let mut state = self.lock();
        if let Some(export) = state.exports.front() {
            export.became(outcome);
            state.count(outcome);
        }
    }

    /// Takes the export at the front, which is settled, off the queue.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        if let Some(export) = state.exports.pop_front() {
            state.bytes -= export.size();
            state.finished += 1;
        }
        self.changed.notify_all();
    }

    /// Takes the export at the front away, whatever becomes of it; see [`Queue::settle_taken`].
    pub(crate) fn take_front(&self) -> Option<Export> {
        let mut state = self.lock();
        let export = state.exports.pop_front()?;
        state.bytes -= export.size();
        state.taken += 1;
        Some(export)
    }

    /// Puts what was taken away back to where it was.
    pub(crate) fn put_back(&self, export: Export) {
        let mut state = self.lock();
        state.bytes += export.size();
        state.taken -= 1;
        state.exports.push_front(export);
    }

    /// Takes all exports away, also the one under way.
    pub(crate) fn take_all(&self) -> Vec<Export> {
        std::iter::from_fn(|| self.take_front()).collect()
    }

    /// Counts what became of an export that was taken away.
    pub(crate) fn settle_taken(&self, outcome: Outcome) {
        let mut state = self.lock();
        state.count(outcome);
        state.taken -= 1;
        state.finished += 1;
        self.changed.notify_all();
    }

    /// Counts what became of an export from the spool.
    pub(crate) fn count_resent(&self, outcome: Outcome) {
        self.lock().count(outcome);
    }

    /// Exports that were dropped from the spool.
    pub(crate) fn lose(&self, exports: u64) {
        self.lock().lost += exports;
    }

    /// Waits before a retry. During a shutdown a wait is short, unless the destination has asked for it, and a wait
    /// beyond the deadline of the shutdown is not worth it.
    pub(crate) fn pause(&self, wait: Duration, asked_for: bool) -> Next {
        let begin = Instant::now();
        let mut state = self.lock();
        loop {
            let wait = match state.deadline {
                Some(_) if !asked_for => wait.min(PAUSE_DURING_SHUTDOWN),
                _ => wait,
            };
            // A wait that no clock can hold is as good as none.
            let Some(due) = begin.checked_add(wait) else { return Next::GiveUp };
            if state.deadline.is_some_and(|deadline| due >= deadline) {
                return Next::GiveUp;
            }
            let now = Instant::now();
            if now >= due {
                return Next::Retry;
            }
            let woken = self.changed.wait_timeout(state, due - now);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().deadline.is_some()
    }

    pub(crate) fn close(&self, deadline: Instant) {
        let mut state = self.lock();
        let deadline = state.deadline.map_or(deadline, |earlier| earlier.min(deadline));
        state.deadline = Some(deadline);
        self.changed.notify_all();
    }

    /// Waits until everything queued so far has left the queue; the number of exports that are still in it, or were lost
    /// since there were `lost_before`.
    pub(crate) fn wait_until_finished(&self, deadline: Instant, lost_before: u64) -> u64 {
        let mut state = self.lock();
        let target = state.finished + state.taken + state.exports.len() as u64;
        while state.finished < target {
            let now = Instant::now();
            if now >= deadline {
                break;
            }
            let wait = self.changed.wait_timeout(state, deadline - now);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        target.saturating_sub(state.finished) + (state.lost - lost_before)
    }

    pub(crate) fn counts(&self) -> DeliveryCounts {
        let state = self.lock();
        DeliveryCounts {
            accepted: state.accepted,
            lost: state.lost,
            waiting: state.taken + state.exports.len() as u64,
            waiting_bytes: state.bytes as u64,
            spooled: 0,
        }
    }

    /// A panic while the lock is held cannot leave the state half changed: it only counts and moves.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted | Outcome::AcceptedInPart(_) => self.accepted += 1,
            Outcome::Lost => self.lost += 1,
            Outcome::Spooled => {}
        }
    }
}
