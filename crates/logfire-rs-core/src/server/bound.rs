//! The series of durations that are looked up once: feature `bound-instruments`.
//!
//! To record a value is to hash its attributes and to find their series, each time the same one for
//! requests of one route with one status. A bound instrument is a series that was found.

use std::sync::OnceLock;

use opentelemetry::metrics::BoundHistogram;

use super::exchange::ServerExchange;
use crate::message::HttpVersion;
use crate::names::Template;
use crate::request_span::{Exchange, Notes};

/// How many series there are at most: an SDK never gives up one that is bound.
const SLOTS: usize = 512;

/// The bound series of one instrumenter: the first of each slot, for good.
pub(super) struct BoundDurations(Box<[Slot]>);

type Slot = OnceLock<(Series, BoundHistogram<f64>)>;

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
            notes.failure.or(notes.error).is_some() || !notes.metric_attributes.is_empty();
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

impl BoundDurations {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| OnceLock::new()).collect())
    }

    /// The instrument of `series`; `None` if another one has its slot.
    pub(super) fn find(
        &self,
        series: Series,
        bind: impl FnOnce() -> BoundHistogram<f64>,
    ) -> Option<&BoundHistogram<f64>> {
        let (known, bound) = self.0.get(series.slot())?.get_or_init(|| (series, bind()));
        (*known == series).then_some(bound)
    }
}
