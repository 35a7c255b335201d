//! How many requests are active, counted where it costs two additions.
//!
//! Each record of an SDK hashes the attributes and takes a lock, and a request needs two. So requests
//! are counted here, and the instrument gets the difference when the metrics are collected. An
//! observable instrument would get the sum: but an SDK takes the last observation for the truth, so
//! that two instrumenters, or a view without one of the attributes, would show too few.

use std::sync::Arc;

use opentelemetry::metrics::{Meter, UpDownCounter};

use crate::attributes::{self as keys, attribute};
use crate::method::{KnownMethods, Method};
use crate::metrics::ACTIVE_SERVER_REQUESTS;
use crate::open_count::{OpenCount, when_collected};

/// The requests that have started and not yet ended.
pub(super) struct ActiveRequests {
    counts: Arc<Counts>,
    /// Whether nobody says when the metrics are collected.
    at_once: bool,
}

impl ActiveRequests {
    /// Tells `instrument` whenever `collected` is collected; without that, with each request.
    pub(super) fn new(
        methods: &KnownMethods,
        instrument: UpDownCounter<i64>,
        collected: Option<&Meter>,
    ) -> Self {
        let counts = Arc::new(Counts::new(methods, instrument));
        if let Some(meter) = collected {
            when_collected(meter, ACTIVE_SERVER_REQUESTS, Arc::downgrade(&counts), Counts::tell);
        }
        Self { counts, at_once: collected.is_none() }
    }

    pub(super) fn started(&self, method: Method, scheme: &'static str) {
        self.count(method, scheme, OpenCount::start);
    }

    pub(super) fn ended(&self, method: Method, scheme: &'static str) {
        self.count(method, scheme, OpenCount::end);
    }

    fn count(&self, method: Method, scheme: &str, count: impl FnOnce(&OpenCount)) {
        if let Some(slot) = self.counts.slot(method, scheme) {
            count(&slot.open);
        }
        if self.at_once {
            self.counts.tell();
        }
    }
}

impl Drop for ActiveRequests {
    fn drop(&mut self) {
        self.counts.tell();
    }
}

/// One slot for each pair of method and scheme.
struct Counts {
    instrument: UpDownCounter<i64>,
    slots: Vec<Slot>,
}

struct Slot {
    method: &'static str,
    scheme: &'static str,
    open: OpenCount,
}

const SCHEMES: [&str; 2] = ["http", "https"];

impl Counts {
    fn new(methods: &KnownMethods, instrument: UpDownCounter<i64>) -> Self {
        let slot = |method, scheme| Slot { method, scheme, open: OpenCount::default() };
        let slots = methods.names().flat_map(|it| SCHEMES.map(|scheme| slot(it, scheme)));
        Self { instrument, slots: slots.collect() }
    }

    fn slot(&self, method: Method, scheme: &str) -> Option<&Slot> {
        self.slots.get(method.index() * SCHEMES.len() + usize::from(scheme.len() > "http".len()))
    }

    /// Tells the instrument what has changed; that of a slot that was used may be nothing.
    fn tell(&self) {
        for slot in &self.slots {
            if let Some(change) = slot.open.change() {
                self.instrument.add(
                    change,
                    &[
                        attribute(keys::HTTP_REQUEST_METHOD, slot.method),
                        attribute(keys::URL_SCHEME, slot.scheme),
                    ],
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::data::{
        AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
    };
    use opentelemetry_sdk::metrics::{
        InMemoryMetricExporter, Instrument, PeriodicReader, SdkMeterProvider, Stream,
    };

    use super::*;

    struct Collected {
        provider: SdkMeterProvider,
        exporter: InMemoryMetricExporter,
    }

    impl Collected {
        fn new(view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static) -> Self {
            let exporter = InMemoryMetricExporter::default();
            let reader = PeriodicReader::builder(exporter.clone())
                .with_interval(Duration::from_secs(3600))
                .build();
            let provider = SdkMeterProvider::builder().with_reader(reader).with_view(view).build();
            Self { provider, exporter }
        }

        fn active(&self, collected: bool) -> ActiveRequests {
            let instrument =
                self.provider.meter("own").i64_up_down_counter(ACTIVE_SERVER_REQUESTS).build();
            let bare = collected.then(|| self.provider.meter("bare"));
            ActiveRequests::new(&KnownMethods::default(), instrument, bare.as_ref())
        }

        /// The series that the last export holds, and how many metrics it has in all.
        fn series(&self) -> (Vec<String>, usize) {
            self.exporter.reset();
            self.provider.force_flush().unwrap();
            let exported = self.exporter.get_finished_metrics().unwrap();
            let metrics: Vec<_> = exported
                .iter()
                .flat_map(ResourceMetrics::scope_metrics)
                .flat_map(ScopeMetrics::metrics)
                .collect();
            let mut series = Vec::new();
            for metric in &metrics {
                let AggregatedMetrics::I64(MetricData::Sum(sum)) = metric.data() else { continue };
                for point in sum.data_points() {
                    let of_point = point.attributes().map(|it| it.value.to_string());
                    let mut values: Vec<_> = of_point.collect();
                    values.sort();
                    series.push(format!("{} {}", values.join(" "), point.value()));
                }
            }
            series.sort();
            (series, metrics.len())
        }
    }

    fn method(name: &str) -> Method {
        KnownMethods::default().classify(name)
    }

    #[test]
    fn what_is_active_is_the_sum_of_all_who_count() {
        let collected = Collected::new(|_| None);
        let (one, another) = (collected.active(true), collected.active(true));
        one.started(method("GET"), "http");
        one.started(method("GET"), "https");
        another.started(method("GET"), "http");
        another.started(method("FROB"), "http");
        another.ended(method("FROB"), "http");
        let series = ["GET http 2", "GET https 1", "_OTHER http 0"].map(str::to_owned).to_vec();
        assert_eq!(collected.series(), (series, 1));

        one.ended(method("GET"), "https");
        drop(one);
        another.ended(method("GET"), "http");
        let series = ["GET http 1", "GET https 0", "_OTHER http 0"].map(str::to_owned).to_vec();
        assert_eq!(collected.series(), (series, 1));
    }

    #[test]
    fn a_view_that_picks_the_instrument_by_its_name_is_enough() {
        let collected = Collected::new(|instrument| {
            let stream = Stream::builder();
            if instrument.name() == ACTIVE_SERVER_REQUESTS {
                stream.with_name("active").build().ok()
            } else {
                stream.with_aggregation(opentelemetry_sdk::metrics::Aggregation::Drop).build().ok()
            }
        });
        let active = collected.active(true);
        active.started(method("GET"), "http");
        active.started(method("GET"), "https");
        let series = ["GET http 1", "GET https 1"].map(str::to_owned).to_vec();
        assert_eq!(collected.series(), (series, 1));
    }

    #[test]
    fn without_a_meter_of_its_own_it_tells_at_once() {
        let collected = Collected::new(|_| None);
        let active = collected.active(false);
        active.started(method("GET"), "http");
        assert_eq!(collected.series().0, ["GET http 1"]);
        active.ended(method("GET"), "http");
        assert_eq!(collected.series().0, ["GET http 0"]);
    }
}
