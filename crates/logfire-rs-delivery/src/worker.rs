//! The thread that takes exports to their destination.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::Context;

use crate::{
    DeliveryOptions, Destination, Export,
    queue::{Next, Queue},
    reports::Reports,
    retry::Backoff,
    tally::Outcome,
    transport::{Answer, Transport},
};

pub(crate) struct Worker {
    queue: Arc<Queue>,
    transport: Box<dyn Transport>,
    reports: Reports,
    first_retry_after: Duration,
    give_up_after: Duration,
    /// Whether there has ever been a connection to the destination.
    reached: bool,
}

impl Worker {
    pub(crate) fn new(
        queue: Arc<Queue>,
        transport: Box<dyn Transport>,
        options: DeliveryOptions,
        destination: &Destination,
    ) -> Self {
        let reports = Reports::new(options.listener, destination.to_string());
        let DeliveryOptions { first_retry_after, give_up_after, .. } = options;
        Self { queue, transport, reports, first_retry_after, give_up_after, reached: false }
    }

    pub(crate) fn run(mut self) {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        while let Some(export) = self.queue.front() {
            let outcome = self.deliver(&export);
            export.became(outcome);
            // The report comes first: whoever waits for the queue can rely on it.
            // After a shutdown its result tells the losses.
            if !self.queue.is_closed() {
                self.reports.lost(self.queue.counts().lost + u64::from(outcome == Outcome::Lost));
            }
            self.queue.finish(outcome);
        }
    }

    fn deliver(&mut self, export: &Export) -> Outcome {
        let Ok(attempt) = self.transport.attempt(export) else { return Outcome::Lost };
        let started = Instant::now();
        let mut backoff = Backoff::new(self.first_retry_after);
        loop {
            let (reason, asked) = match attempt() {
                Answer::Accepted => {
                    self.reached = true;
                    self.reports.well();
                    return Outcome::Accepted;
                }
                Answer::Refused { reason } => {
                    self.reached = true;
                    self.reports.refused(reason);
                    return Outcome::Lost;
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
            self.reports.unreachable(reason);
            let wait = asked.unwrap_or_else(|| backoff.next_wait());
            let hopeless = self.queue.is_closed() && !self.reached;
            if hopeless
                || wait > self.give_up_after.saturating_sub(started.elapsed())
                || self.queue.pause(wait, asked.is_some()) == Next::GiveUp
            {
                return Outcome::Lost;
            }
        }
    }
}
