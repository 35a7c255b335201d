//! The series that requests are measured in: their attributes are made once.
//!
//! With the feature `bound-instruments` the series of the SDK is looked up once, too. To record a
//! value is to hash its attributes and to find their series, each time the same one for requests of
//! one route with one status; a bound instrument is a series that was found.

use std::sync::OnceLock;

use opentelemetry::KeyValue;
#[cfg(feature = "bound-instruments")]
use opentelemetry::metrics::BoundHistogram;

use super::exchange::ServerExchange;
use crate::message::HttpVersion;
use crate::metrics::HttpMetrics;
use crate::names::Template;
use crate::request_span::{Exchange, Notes};

/// How many series there are at most: an SDK never gives up one that is bound.
const SLOTS: usize = 512;

/// The usual series of one instrumenter: the first of each slot, for good.
pub(super) struct UsualSeries(Box<[OnceLock<(Series, Point)>]>);

/// Where values are recorded.
pub(super) struct Point {
    pub(super) attributes: Vec<KeyValue>,
    #[cfg(feature = "bound-instruments")]
    duration: Option<BoundHistogram<f64>>,
}

impl Point {
    pub(super) fn new(attributes: Vec<KeyValue>) -> Self {
        Self {
            attributes,
            #[cfg(feature = "bound-instruments")]
            duration: None,
        }
    }

    /// For values that will be recorded again.
    fn lasting(attributes: Vec<KeyValue>, metrics: &HttpMetrics) -> Self {
        #[cfg(not(feature = "bound-instruments"))]
        let _ = metrics;
        Self {
            #[cfg(feature = "bound-instruments")]
            duration: Some(metrics.duration.bind(&attributes)),
            attributes,
        }
    }

    pub(super) fn record_duration(&self, seconds: f64, metrics: &HttpMetrics) {
        #[cfg(feature = "bound-instruments")]
        if let Some(bound) = &self.duration {
            return bound.record(seconds);
        }
        metrics.duration.record(seconds, &self.attributes);
    }
}

/// What the attributes of a usual request are made of; the strings are all interned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    route: Option<&'static str>,
    method: &'static str,
    scheme: &'static str,
    version: Option<HttpVersion>,
    status: Option<u16>,
}

impl Series {
    /// The series of a request, if it has no attribute of its own.
    pub(super) fn of(exchange: &Exchange, server: &ServerExchange, notes: &Notes) -> Option<Self> {
        let of_its_own =
            notes.failure.or(notes.error).is_some() || !notes.metric_attributes().is_empty();
        let route = match &notes.route {
            Some(Template::Static(route)) => Some(*route),
            Some(Template::Shared(_)) => return None,
            None => None,
        };
        let method = exchange.method.as_str();
        let &ServerExchange { scheme, version, .. } = server;
        let status = notes.status;
        (!of_its_own).then_some(Self { route, method, scheme, version, status })
    }

    fn slot(&self) -> usize {
        let route = self.route.map_or(0, |it| it.as_ptr().addr());
        let status = usize::from(self.status.unwrap_or_default());
        let mixed = route ^ self.method.as_ptr().addr().rotate_left(8) ^ status.rotate_left(16);
        // The multiplier of Fibonacci hashing spreads them over the upper bits.
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - SLOTS.ilog2())
    }
}

impl UsualSeries {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| OnceLock::new()).collect())
    }

    /// The point of `series`; `None` if another one has its slot.
    pub(super) fn find(
        &self,
        series: Series,
        metrics: &HttpMetrics,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Option<&Point> {
        let make = || (series, Point::lasting(attributes(), metrics));
        let (known, point) = self.0.get(series.slot())?.get_or_init(make);
        (*known == series).then_some(point)
    }
}
