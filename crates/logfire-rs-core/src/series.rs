//! The series that requests are measured in: the attributes of a usual one are made once.
//!
//! With the feature `bound-instruments` the series of the SDK is looked up once, too. To record a
//! value is to hash its attributes and to find their series, each time the same one for requests of
//! one kind with one status; a bound instrument is a series that was found.

use std::sync::OnceLock;

use opentelemetry::KeyValue;
#[cfg(feature = "bound-instruments")]
use opentelemetry::metrics::BoundHistogram;
use opentelemetry::metrics::Histogram;

/// How many series of a server there are at most: an SDK never gives up one that is bound.
pub(crate) const SERVER_SERIES: usize =
    if cfg!(feature = "bound-instruments") { 512 } else { 4096 };

/// The same of a client, of which a program may have many, and which tells 512 targets apart.
pub(crate) const CLIENT_SERIES: usize =
    if cfg!(feature = "bound-instruments") { 512 } else { 1024 };

/// The usual series of one instrumenter, each known by an `S`: the first of each slot, for good.
pub(crate) struct UsualSeries<S>(Box<[Slot<S>]>);

type Slot<S> = OnceLock<Box<(S, Point)>>;

impl<S: Copy + Eq> UsualSeries<S> {
    /// Has room for a power of two of them.
    pub(crate) fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| OnceLock::new()).collect())
    }

    /// The point of `series`, whose parts are mixed in `mixed`; `None` if another one has its slot.
    pub(crate) fn find(
        &self,
        series: S,
        mixed: u64,
        duration: &Histogram<f64>,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Option<&Point> {
        // The multiplier of Fibonacci hashing spreads them over the upper bits.
        let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> (u64::BITS - self.0.len().trailing_zeros());
        let slot = self.0.get(usize::try_from(spread).ok()?)?;
        let lasting = || Box::new((series, Point::lasting(attributes(), duration)));
        let (known, point) = &**slot.get_or_init(lasting);
        (*known == series).then_some(point)
    }
}

/// Where values are recorded.
pub(crate) struct Point {
    pub(crate) attributes: Vec<KeyValue>,
    #[cfg(feature = "bound-instruments")]
    duration: Option<BoundHistogram<f64>>,
}

impl Point {
    pub(crate) fn new(attributes: Vec<KeyValue>) -> Self {
        Self {
            attributes,
            #[cfg(feature = "bound-instruments")]
            duration: None,
        }
    }

    /// For values that will be recorded again.
    fn lasting(attributes: Vec<KeyValue>, duration: &Histogram<f64>) -> Self {
        #[cfg(not(feature = "bound-instruments"))]
        let _ = duration;
        Self {
            #[cfg(feature = "bound-instruments")]
            duration: Some(duration.bind(&attributes)),
            attributes,
        }
    }

    pub(crate) fn record_duration(&self, seconds: f64, duration: &Histogram<f64>) {
        #[cfg(feature = "bound-instruments")]
        if let Some(bound) = &self.duration {
            return bound.record(seconds);
        }
        duration.record(seconds, &self.attributes);
    }
}

#[cfg(test)]
impl<S> UsualSeries<S> {
    /// How many there are by now.
    pub(crate) fn kept(&self) -> usize {
        self.0.iter().filter(|it| it.get().is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use super::*;

    #[test]
    fn all_slots_are_used_and_no_more() {
        let duration = SdkMeterProvider::default().meter("test").f64_histogram("duration").build();
        for slots in [8, CLIENT_SERIES, SERVER_SERIES] {
            let all = UsualSeries::new(slots);
            let find = |it: u64| all.find(it, it, &duration, Vec::new).is_some();
            let found = (0..16 * slots as u64).filter(|it| find(*it)).count();
            assert_eq!((found, all.kept()), (slots, slots));
            assert!(find(0));
        }
    }
}
