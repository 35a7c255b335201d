//! Ids and times that are the same in every run.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::IdGenerator;

/// Spreads counted trace ids evenly over their lower half, which is what samplers by ratio look at.
/// <https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence>
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

/// Counts traces, in the upper half of their ids, and spans from 1.
#[derive(Debug, Default)]
pub(super) struct Counting {
    traces: AtomicU64,
    spans: AtomicU64,
}

impl IdGenerator for Counting {
    fn new_trace_id(&self) -> TraceId {
        let count = self.traces.fetch_add(1, Ordering::Relaxed) + 1;
        TraceId::from(u128::from(count) << 64 | u128::from(count.wrapping_mul(GOLDEN_RATIO)))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A second passes whenever the time is asked for.
#[derive(Debug, Default)]
pub(super) struct Clock(u64);

impl Clock {
    pub(super) fn now(&mut self) -> SystemTime {
        self.0 += 1;
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0)
    }
}
