//! Trace and span ids.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

/// How many bits of a trace id are random; the others are the time.
const RANDOM_BITS: u32 = 80;

/// Makes trace ids that begin with the time in milliseconds, so that they sort by it; the rest, and span ids, are random.
///
/// It is what [`configure`](crate::configure) uses by default, as Logfire's Python SDK does. The ids have the form of
/// [ULIDs](https://github.com/ulid/spec).
///
/// ```
/// use logfire_rs_sdk::{TimeOrderedIdGenerator, opentelemetry_sdk::trace::{IdGenerator, SdkTracerProvider}};
///
/// let first = TimeOrderedIdGenerator::default().new_trace_id();
/// assert!(first.to_string().starts_with("01"), "{first}"); // until the year 4199
///
/// let provider =
///     SdkTracerProvider::builder().with_id_generator(TimeOrderedIdGenerator::default()).build();
/// ```
#[derive(Clone, Debug, Default)]
pub struct TimeOrderedIdGenerator {
    random: RandomIdGenerator,
}

impl IdGenerator for TimeOrderedIdGenerator {
    fn new_trace_id(&self) -> TraceId {
        let random = u128::from_be_bytes(self.random.new_trace_id().to_bytes());
        // A clock before 1970 is no clock.
        let milliseconds =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let random = random & ((1 << RANDOM_BITS) - 1);
        TraceId::from(milliseconds << RANDOM_BITS | random)
    }

    fn new_span_id(&self) -> SpanId {
        self.random.new_span_id()
    }
}

/// The generator of the user, or ours.
#[derive(Debug)]
pub(crate) struct Ids(pub(crate) Box<dyn IdGenerator>);

impl Default for Ids {
    fn default() -> Self {
        Self(Box::new(TimeOrderedIdGenerator::default()))
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        self.0.new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_begin_with_the_time_and_end_at_random() {
        let ids = TimeOrderedIdGenerator::default();
        let milliseconds = |id: TraceId| u128::from_be_bytes(id.to_bytes()) >> RANDOM_BITS;
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let before = now();
        let (a, b) = (ids.new_trace_id(), ids.new_trace_id());
        assert!((before..=now()).contains(&milliseconds(a)), "{a}");
        assert!(milliseconds(a) <= milliseconds(b));
        // Samplers by ratio look at the lower half.
        assert_ne!(a.to_bytes()[8..], b.to_bytes()[8..]);
    }
}
