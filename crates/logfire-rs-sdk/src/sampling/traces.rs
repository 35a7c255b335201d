//! The traces that wait for a decision, with an end to their number.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::SystemTime,
};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

/// Starts and ends that may wait.
pub(super) const MAX_WAITING: usize = 20_000;
/// Dropped traces that are remembered, for what comes after their root.
const MAX_DROPPED: usize = 10_000;

/// What was decided about a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting {
        /// The start of its root.
        since: SystemTime,
    },
    /// Also what began elsewhere, or is forgotten.
    Kept,
    Dropped,
}

#[derive(Debug, Default)]
pub(super) struct Traces {
    waiting: HashMap<TraceId, Waiting>,
    /// Those that wait, the oldest first.
    order: BTreeMap<u64, TraceId>,
    next: u64,
    spans: usize,
    dropped: HashSet<TraceId>,
    dropped_order: VecDeque<TraceId>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    root: SpanId,
    since: SystemTime,
    spans: Vec<SpanData>,
    /// Is kept when its next span starts or ends.
    marked: bool,
}

impl Traces {
    pub(super) fn begin(&mut self, trace: TraceId, root: SpanId, since: SystemTime) {
        let number = self.next;
        self.next += 1;
        self.order.insert(number, trace);
        let waiting = Waiting { number, root, since, spans: Vec::new(), marked: false };
        if let Some(earlier) = self.waiting.insert(trace, waiting) {
            self.order.remove(&earlier.number);
            self.spans -= earlier.spans.len();
        }
    }

    pub(super) fn state(&self, trace: TraceId) -> State {
        match self.waiting.get(&trace) {
            Some(waiting) => State::Waiting { since: waiting.since },
            None if self.dropped.contains(&trace) => State::Dropped,
            None => State::Kept,
        }
    }

    pub(super) fn is_root(&self, trace: TraceId, span: SpanId) -> bool {
        self.waiting.get(&trace).is_some_and(|waiting| waiting.root == span)
    }

    pub(super) fn mark(&mut self, trace: TraceId) {
        if let Some(waiting) = self.waiting.get_mut(&trace) {
            waiting.marked = true;
        }
    }

    pub(super) fn is_marked(&self, trace: TraceId) -> bool {
        self.waiting.get(&trace).is_some_and(|waiting| waiting.marked)
    }

    /// Whether there was room; if not, the trace that has waited longest has made some.
    pub(super) fn put(&mut self, trace: TraceId, span: SpanData) -> bool {
        let has_room = self.spans < MAX_WAITING;
        while self.spans >= MAX_WAITING
            && let Some(oldest) = self.order.first_key_value().map(|(_, trace)| *trace)
        {
            self.drop_trace(oldest);
        }
        if let Some(waiting) = self.waiting.get_mut(&trace) {
            waiting.spans.push(span);
            self.spans += 1;
        }
        has_room
    }

    /// What has waited, in its order.
    pub(super) fn keep(&mut self, trace: TraceId) -> Vec<SpanData> {
        let Some(waiting) = self.waiting.remove(&trace) else { return Vec::new() };
        self.order.remove(&waiting.number);
        self.spans -= waiting.spans.len();
        waiting.spans
    }

    pub(super) fn drop_trace(&mut self, trace: TraceId) {
        self.keep(trace);
        if self.dropped.insert(trace) {
            self.dropped_order.push_back(trace);
        }
        if self.dropped_order.len() > MAX_DROPPED
            && let Some(oldest) = self.dropped_order.pop_front()
        {
            self.dropped.remove(&oldest);
        }
    }
}
