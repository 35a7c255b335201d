//! The account of what was recorded: delivered, lost, or still on its way.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use logfire_rs_delivery::Tally;

use super::Outlet;
use crate::{
    statistics::{DestinationStatistics, ExportStatistics},
    warnings::Warnings,
};

/// Losses are told at most this often.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The accounts of all signals that are counted, and who is told of losses.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(super) spans: Account,
    /// Whose losses are told, and counted in exports.
    pub(super) metrics: Account,
    pub(super) logs: Account,
    warnings: Warnings,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    /// Of spans, metrics and logs.
    losses: [u64; 3],
}

/// When losses are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// If the last time is a minute ago.
    IfDue,
    Now,
}

/// What became of the items of one signal.
#[derive(Debug)]
pub(super) struct Account {
    /// In the words of a user.
    name: &'static str,
    /// What makes the queue longer.
    hint: &'static str,
    recorded: AtomicU64,
    /// Turned away by the full queue of the batch processor, or by one that was shut down.
    turned_away: AtomicU64,
    /// In the queue of the batch processor, with what announces spans.
    queued: AtomicUsize,
    /// Those of them that are recorded items.
    queued_items: AtomicU64,
    closed: AtomicBool,
    outlets: Mutex<Vec<(String, Tally)>>,
}

impl Accounts {
    pub(super) fn new(warnings: Warnings) -> Self {
        Self {
            spans: Account::new("spans", "; see OTEL_BSP_MAX_QUEUE_SIZE"),
            metrics: Account::new("exports of metrics", ""),
            logs: Account::new("logs", "; see OTEL_BLRP_MAX_QUEUE_SIZE"),
            warnings,
            told: Mutex::default(),
        }
    }

    pub(crate) fn statistics(&self) -> ExportStatistics {
        ExportStatistics { spans: self.spans.statistics(), logs: self.logs.statistics() }
    }

    /// Tells what was lost since it was told last.
    pub(crate) fn tell(&self, tell: Tell) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = [&self.spans, &self.metrics, &self.logs];
        let losses = accounts.map(Account::losses);
        let due = told.last.is_none_or(|last| last.elapsed() >= TELL_AGAIN_AFTER);
        if losses == told.losses || (tell == Tell::IfDue && !due) {
            return;
        }
        let new = accounts.into_iter().zip(losses).zip(told.losses);
        let new = new.filter(|((_, losses), told)| losses > told);
        let new: Vec<_> = new
            .map(|((account, losses), told)| match losses - told {
                1 => format!("1 {}", account.name.trim_end_matches('s')),
                lost => format!("{lost} {}", account.name),
            })
            .collect();
        *told = Told { last: Some(Instant::now()), losses };
        drop(told);
        let hints: String = accounts.into_iter().map(Account::hint).collect();
        self.warnings.warn(&format_args!("lost: {}{hints}", new.join(", ")));
    }
}

impl Account {
    fn new(name: &'static str, hint: &'static str) -> Self {
        Self {
            name,
            hint,
            recorded: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            queued_items: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            outlets: Mutex::default(),
        }
    }

    /// Puts the outlets into the account.
    pub(super) fn open(&self, outlets: &[Outlet]) {
        let mut known = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(outlets.iter().map(|it| (it.destination.clone(), it.tally.clone())));
    }

    /// Whether there is room for one more; if so it is taken. An item that is turned away is lost.
    pub(super) fn admit(&self, room: usize, is_item: bool) -> bool {
        let item = u64::from(is_item);
        self.recorded.fetch_add(item, Ordering::Relaxed);
        let free = |queued| (queued < room).then_some(queued + 1);
        let admitted = !self.closed.load(Ordering::SeqCst)
            && self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).is_ok();
        let counter = if admitted { &self.queued_items } else { &self.turned_away };
        counter.fetch_add(item, Ordering::Relaxed);
        admitted
    }

    /// The batch processor hands over what it had queued.
    pub(super) fn hand_over(&self, all: usize, items: u64) {
        self.queued.fetch_sub(all, Ordering::Relaxed);
        self.queued_items.fetch_sub(items, Ordering::Relaxed);
    }

    /// Nothing is handed over any more; what is still queued is lost.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    fn statistics(&self) -> Vec<DestinationStatistics> {
        let outlets = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |(destination, tally): &(String, Tally)| {
            // The later a count is in the life of an item, the earlier it is read.
            let counts = tally.counts();
            let dropped = counts.lost + self.before_the_exporter();
            let recorded = self.recorded.load(Ordering::Relaxed);
            DestinationStatistics {
                destination: destination.clone(),
                recorded,
                delivered: counts.accepted,
                dropped,
                spooled: counts.spooled,
                waiting: recorded.saturating_sub(counts.accepted + counts.spooled + dropped),
            }
        };
        outlets.iter().map(of).collect()
    }

    fn losses(&self) -> u64 {
        let outlets = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        let on_the_way: u64 = outlets.iter().map(|(_, tally)| tally.counts().lost).sum();
        on_the_way + self.before_the_exporter()
    }

    fn before_the_exporter(&self) -> u64 {
        let left = match self.closed.load(Ordering::SeqCst) {
            true => self.queued_items.load(Ordering::Relaxed),
            false => 0,
        };
        left + self.turned_away.load(Ordering::Relaxed)
    }

    fn hint(&self) -> &'static str {
        if self.turned_away.load(Ordering::Relaxed) > 0 { self.hint } else { "" }
    }
}
