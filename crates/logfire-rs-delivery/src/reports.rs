//! What a delivery tells, and when again.

use std::time::{Duration, Instant};

use crate::{Problem, problem::Listener};

/// A problem of the same kind is told again after this time.
const REPORT_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Tells each kind of problem once, again after a minute, and anew after a success.
pub(crate) struct Reports {
    listener: Listener,
    destination: String,
    last_unreachable: Option<Instant>,
    last_refused: Option<Instant>,
    last_rejected: Option<Instant>,
    last_lost: Option<Instant>,
    last_unkept: Option<Instant>,
    lost: u64,
}

impl Reports {
    pub(crate) const fn new(listener: Listener, destination: String) -> Self {
        Self {
            listener,
            destination,
            last_unreachable: None,
            last_refused: None,
            last_rejected: None,
            last_lost: None,
            last_unkept: None,
            lost: 0,
        }
    }

    pub(crate) fn well(&mut self) {
        self.last_refused = None;
    }

    pub(crate) fn unreachable(&mut self, reason: String) {
        if due(&mut self.last_unreachable) {
            let destination = self.destination.clone();
            self.listener.tell(&Problem::Unreachable { destination, reason });
        }
    }

    pub(crate) fn refused(&mut self, reason: String) {
        if due(&mut self.last_refused) {
            let destination = self.destination.clone();
            self.listener.tell(&Problem::Refused { destination, reason });
        }
    }

    pub(crate) fn rejected(&mut self, items: u64, reason: String) {
        if due(&mut self.last_rejected) {
            let destination = self.destination.clone();
            self.listener.tell(&Problem::Rejected { destination, items, reason });
        }
    }

    pub(crate) fn unkept(&mut self, directory: String, reason: String) {
        if due(&mut self.last_unkept) {
            self.listener.tell(&Problem::Unkept { directory, reason });
        }
    }

    pub(crate) fn lost(&mut self, lost: u64) {
        if lost > self.lost && due(&mut self.last_lost) {
            let exports = lost - self.lost;
            self.lost = lost;
            let destination = self.destination.clone();
            self.listener.tell(&Problem::Lost { destination, exports });
        }
    }
}

fn due(last: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let due = last.is_none_or(|last| now.duration_since(last) >= REPORT_AGAIN_AFTER);
    if due {
        *last = Some(now);
    }
    due
}
