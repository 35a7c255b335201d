//! The thread that takes exports to their destination.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::Context;

use crate::{
    DeliveryOptions, Destination, Export,
    queue::{Next, Queue, Work},
    reports::Reports,
    retry::Backoff,
    spool::Spool,
    tally::Outcome,
    transport::{Answer, Transport},
};

/// Between two tries, whatever the destination asks for.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
/// A destination may ask for a wait as long as this between two tries of the spool.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);
/// How long an export is tried before it is spooled, if there is a spool.
const SPOOL_AFTER: Duration = Duration::from_secs(5);
/// How often a spool that another process has is asked for again.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(30);

pub(crate) struct Worker {
    queue: Arc<Queue>,
    transport: Arc<dyn Transport>,
    reports: Reports,
    first_retry_after: Duration,
    give_up_after: Duration,
    /// Whether there has ever been a connection to the destination.
    reached: bool,
    spool: Option<Spooling>,
}

/// What to do with the spool, and when.
struct Spooling {
    spool: Arc<Spool>,
    backoff: Backoff,
    /// Whether the directory is ours; if not, it is as if there were no spool.
    usable: bool,
    /// When to try the oldest export, or to ask for the directory again.
    resend_at: Option<Instant>,
    /// Whether the destination failed last: all others go to the spool at once.
    down: bool,
}

/// What became of an export after all its tries.
enum Delivered {
    Settled(Outcome),
    /// It may be tried again, at the soonest after the time that the destination asked for.
    GivenUp(Option<Duration>),
}

impl Worker {
    pub(crate) fn new(
        queue: Arc<Queue>,
        transport: Arc<dyn Transport>,
        spool: Option<Arc<Spool>>,
        options: DeliveryOptions,
        destination: &Destination,
    ) -> Self {
        let reports = Reports::new(options.listener, destination.to_string());
        let DeliveryOptions { first_retry_after, give_up_after, .. } = options;
        let backoff = Backoff::new(first_retry_after);
        let spool = spool.map(|spool| Spooling {
            spool,
            backoff,
            usable: false,
            resend_at: None,
            down: false,
        });
        Self { queue, transport, reports, first_retry_after, give_up_after, reached: false, spool }
    }

    pub(crate) fn run(mut self) {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        self.open_spool();
        loop {
            let wake_at = self.spool.as_ref().and_then(|it| it.resend_at);
            match self.queue.front(wake_at) {
                Work::Export(_) if self.is_down() => self.spool_front(None),
                Work::Export(export) => match self.deliver(&export, self.patience()) {
                    Delivered::Settled(outcome) => self.settle(outcome),
                    Delivered::GivenUp(asked) => self.spool_front(Some(asked)),
                },
                Work::Wake => self.resend(),
                Work::Over => break,
            }
        }
        for export in self.queue.take_all() {
            self.keep(&export);
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.queue.settle(outcome);
        self.report_losses();
        self.queue.finish();
    }

    /// The report comes before an export leaves the queue: whoever waits for that can rely on it. After a shutdown its
    /// result tells the losses.
    fn report_losses(&mut self) {
        if !self.queue.is_closed() {
            self.reports.lost(self.queue.counts().lost);
        }
    }

    fn patience(&self) -> Duration {
        match self.has_spool() {
            true => self.give_up_after.min(SPOOL_AFTER),
            false => self.give_up_after,
        }
    }

    fn deliver(&mut self, export: &Export, patience: Duration) -> Delivered {
        let transport = Arc::clone(&self.transport);
        let Ok(attempt) = transport.attempt(export) else {
            return Delivered::Settled(Outcome::Lost);
        };
        let started = Instant::now();
        let mut backoff = Backoff::new(self.first_retry_after);
        loop {
            // The thread is the only way to the destination: it must outlive a fault in a library.
            let Ok(answer) = catch_unwind(AssertUnwindSafe(&attempt)) else {
                return Delivered::Settled(Outcome::Lost);
            };
            let (reason, asked) = match answer {
                Answer::Accepted => {
                    self.reached = true;
                    self.reports.well();
                    return Delivered::Settled(Outcome::Accepted);
                }
                Answer::AcceptedInPart { rejected, reason } => {
                    self.reached = true;
                    self.reports.well();
                    self.reports.rejected(rejected, reason);
                    return Delivered::Settled(Outcome::AcceptedInPart(rejected));
                }
                Answer::Refused { reason } => {
                    self.reached = true;
                    self.reports.refused(reason);
                    return Delivered::Settled(Outcome::Lost);
                }
                Answer::Busy { reason, retry_after } => {
                    self.reached = true;
                    (reason, retry_after)
                }
                Answer::Silent { reason, connected } => {
                    self.reached |= connected;
                    (reason, None)
                }
            };
            // A destination may ask for a longer wait, but not for none.
            let wait = backoff.next_wait().max(asked.unwrap_or_default()).max(SHORTEST_WAIT);
            let hopeless = self.queue.is_closed() && !self.reached;
            let too_long = wait > patience.saturating_sub(started.elapsed());
            let next = match (self.has_spool(), hopeless, too_long) {
                (true, ..) | (false, false, false) => "; trying again",
                (false, true, _) => "",
                (false, false, true) => "; the next try would be later than an export is kept",
            };
            self.reports.unreachable(reason + next);
            if hopeless || too_long || self.queue.pause(wait, asked.is_some()) == Next::GiveUp {
                return Delivered::GivenUp(asked);
            }
        }
    }

    fn has_spool(&self) -> bool {
        self.spool.as_ref().is_some_and(|it| it.usable)
    }

    fn is_down(&self) -> bool {
        self.spool.as_ref().is_some_and(|it| it.usable && it.down)
    }

    /// Asks for the directory, and for what an earlier process left there.
    fn open_spool(&mut self) {
        let Some(spooling) = &mut self.spool else { return };
        match spooling.spool.open() {
            Ok(()) => {
                spooling.usable = true;
                spooling.resend_at = Some(Instant::now());
            }
            Err(error) => {
                spooling.set_aside();
                self.reports.unkept(spooling.spool.directory(), error.to_string());
            }
        }
    }

    /// Puts the export at the front of the queue into the spool, or gives it up if there is none.
    fn spool_front(&mut self, failed: Option<Option<Duration>>) {
        if !self.has_spool() {
            return self.settle(Outcome::Lost);
        }
        if let (Some(asked), Some(spooling)) = (failed, &mut self.spool) {
            spooling.try_later(asked);
        }
        // A shutdown may have taken it already.
        let (Some(export), Some(spooling)) = (self.queue.take_front(), &mut self.spool) else {
            return;
        };
        match spooling.spool.keep(&export) {
            Ok(dropped) => {
                self.queue.lose(dropped);
                self.queue.settle_taken(Outcome::Spooled);
            }
            Err(error) => {
                // As if there were no spool, until it can be written again.
                self.queue.put_back(export);
                spooling.set_aside();
                self.reports.unkept(spooling.spool.directory(), error.to_string());
            }
        }
        self.report_losses();
    }

    /// Writes an export that was taken off the queue.
    fn keep(&mut self, export: &Export) {
        let Some(spooling) = &self.spool else {
            export.became(Outcome::Lost);
            return self.queue.settle_taken(Outcome::Lost);
        };
        let directory = spooling.spool.directory();
        let (_, problem) = spooling.spool.keep_taken(export, &self.queue);
        if let Some(error) = problem {
            self.reports.unkept(directory, error.to_string());
        }
        self.report_losses();
    }

    /// Tries the oldest export of the spool, once: the spool has waits of its own, in which the queue goes on.
    fn resend(&mut self) {
        if !self.has_spool() {
            return self.open_spool();
        }
        let Some(spool) = self.spool.as_ref().map(|it| Arc::clone(&it.spool)) else { return };
        let (oldest, unreadable) = spool.oldest();
        self.queue.lose(unreadable);
        let oldest = match oldest {
            Ok(oldest) => oldest,
            Err(error) => {
                if let Some(spooling) = &mut self.spool {
                    spooling.set_aside();
                }
                self.reports.unkept(spool.directory(), error.to_string());
                return self.report_losses();
            }
        };
        let delivered = oldest.map(|(name, export)| {
            let delivered = self.deliver(&export, Duration::ZERO);
            if let Delivered::Settled(outcome) = delivered {
                spool.settle(&name, outcome);
                self.queue.count_resent(outcome);
            }
            delivered
        });
        let Some(spooling) = &mut self.spool else { return };
        match delivered {
            Some(Delivered::GivenUp(asked)) => spooling.try_later(asked),
            Some(Delivered::Settled(_)) => spooling.works_again(self.first_retry_after),
            None => (spooling.resend_at, spooling.down) = (None, false),
        }
        self.report_losses();
    }
}

impl Spooling {
    /// Does without the spool for a while.
    fn set_aside(&mut self) {
        self.usable = false;
        self.resend_at = Some(Instant::now() + OPEN_AGAIN_AFTER);
    }

    fn try_later(&mut self, asked: Option<Duration>) {
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
        let now = Instant::now();
        let wait = self.backoff.next_wait().max(asked);
        self.resend_at = now.checked_add(wait).or(Some(now + OPEN_AGAIN_AFTER));
        self.down = true;
    }

    fn works_again(&mut self, first_retry_after: Duration) {
        self.backoff = Backoff::new(first_retry_after);
        self.resend_at = Some(Instant::now());
        self.down = false;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_spool_is_tried_again_within_an_hour_whatever_is_asked_for() {
        let destination = Destination::new("http://127.0.0.1:1").unwrap();
        let mut spooling = Spooling {
            spool: Arc::new(Spool::new(Path::new("unused"), &destination, 0)),
            backoff: Backoff::new(Duration::ZERO),
            usable: true,
            resend_at: None,
            down: false,
        };
        let hour = Duration::from_secs(3600);
        for asked in [hour / 2, hour, 24 * hour, Duration::MAX] {
            let before = Instant::now();
            spooling.try_later(Some(asked));
            let at = spooling.resend_at.unwrap();
            assert!(at >= before + asked.min(hour), "{asked:?}");
            assert!(at <= Instant::now() + hour, "{asked:?}");
        }
    }
}
