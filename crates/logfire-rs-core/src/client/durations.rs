//! The attributes of a duration, made once for all requests that have the same.
//!
//! With the feature `bound-instruments` also their series is looked up once: to record a value is to
//! hash the attributes and to find their series.

use std::sync::OnceLock;

use opentelemetry::KeyValue;
#[cfg(feature = "bound-instruments")]
use opentelemetry::metrics::BoundHistogram;
use opentelemetry::metrics::Histogram;

use super::way;
use crate::message::HttpVersion;

/// How many series there are at most: an SDK never gives up one that is bound.
const SLOTS: usize = 512;

/// The series of one client: the first of each slot, for good.
pub(super) struct Durations(Box<[OnceLock<(Series, Recorder)>]>);

/// What the attributes of a usual request are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    /// The slot of the request among the active ones: method, server and template.
    pub(super) target: usize,
    pub(super) version: Option<HttpVersion>,
    pub(super) status: Option<u16>,
}

/// A series that was found.
#[cfg(feature = "bound-instruments")]
pub(super) struct Recorder(BoundHistogram<f64>);

/// The attributes of a series.
#[cfg(not(feature = "bound-instruments"))]
pub(super) struct Recorder(Box<[KeyValue]>);

#[cfg(feature = "bound-instruments")]
impl Recorder {
    pub(super) fn new(instrument: &Histogram<f64>, attributes: &[KeyValue]) -> Self {
        Self(instrument.bind(attributes))
    }

    pub(super) fn record(&self, _: &Histogram<f64>, seconds: f64) {
        self.0.record(seconds);
    }
}

#[cfg(not(feature = "bound-instruments"))]
impl Recorder {
    pub(super) fn new(_: &Histogram<f64>, attributes: &[KeyValue]) -> Self {
        Self(attributes.into())
    }

    pub(super) fn record(&self, instrument: &Histogram<f64>, seconds: f64) {
        instrument.record(seconds, &self.0);
    }
}

impl Series {
    fn slot(self) -> usize {
        let status = u64::from(self.status.unwrap_or_default());
        let mixed = (self.target as u64) << 32 | status << 16;
        // The multiplier of Fibonacci hashing spreads them over the upper bits.
        way::slot(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15), SLOTS)
    }
}

impl Durations {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| OnceLock::new()).collect())
    }

    /// What records into `series`; `None` if another one has its slot.
    pub(super) fn find(
        &self,
        series: Series,
        describe: impl FnOnce() -> Recorder,
    ) -> Option<&Recorder> {
        let (known, recorder) = self.0.get(series.slot())?.get_or_init(|| (series, describe()));
        (*known == series).then_some(recorder)
    }
}
