//! How many requests a client has on their way, counted where it costs two additions.
//!
//! As on the server, the instrument gets the differences when the metrics are collected. Who a client
//! talks to is not known before, so servers and templates get a slot of a bounded table as they come;
//! those that find theirs taken are told to the instrument at once.

use std::sync::{Arc, OnceLock};

use opentelemetry::StringValue;
use opentelemetry::metrics::{Meter, UpDownCounter};

use super::span::Start;
use super::way::{hash, slot};
use crate::attributes::MetricSet;
use crate::metrics::ACTIVE_CLIENT_REQUESTS;
use crate::names::Template;
use crate::open_count::{OpenCount, when_collected};

/// More than a service talks to; a crawler fills it, and is counted all the same.
const SLOTS: usize = 512;

/// The requests that have started and not yet ended.
pub(super) struct ActiveRequests {
    instrument: UpDownCounter<i64>,
    /// None if nobody says when the metrics are collected.
    counts: Option<Arc<Counts>>,
}

impl ActiveRequests {
    /// Tells `instrument` whenever `collected` is collected; without that, with each request.
    pub(super) fn new(instrument: UpDownCounter<i64>, collected: Option<&Meter>) -> Self {
        let counts = collected.map(|meter| {
            let counts = Arc::new(Counts::new(instrument.clone()));
            when_collected(meter, ACTIVE_CLIENT_REQUESTS, Arc::downgrade(&counts), Counts::tell);
            counts
        });
        Self { instrument, counts }
    }

    /// Counts a request; gives its slot, if it has one.
    pub(super) fn started(&self, request: &Start) -> Option<usize> {
        let found = self.counts.as_ref().and_then(|it| it.slot(request));
        match found {
            Some((_, slot)) => slot.open.start(),
            None => self.add(request, 1),
        }
        Some(found?.0)
    }

    /// Counts it off again, where it was counted.
    pub(super) fn ended(&self, slot: Option<usize>, request: &Start) {
        let slots = self.counts.as_ref().map(|it| &it.slots);
        match slots.zip(slot).and_then(|(slots, slot)| slots.get(slot)?.get()) {
            Some(slot) => slot.open.end(),
            None => self.add(request, -1),
        }
    }

    fn add(&self, request: &Start, change: i64) {
        let mut set = MetricSet::<4>::new();
        request.push_target(&mut set);
        self.instrument.add(change, set.as_slice());
    }
}

impl Drop for ActiveRequests {
    fn drop(&mut self) {
        if let Some(counts) = &self.counts {
            counts.tell();
        }
    }
}

struct Counts {
    instrument: UpDownCounter<i64>,
    /// The first of each place, for good: an instrument does not give up a series either.
    slots: Box<[OnceLock<Box<Slot>>]>,
}

/// The requests that have the same attributes.
struct Slot {
    attributes: MetricSet<4>,
    method: &'static str,
    address: Option<Box<str>>,
    port: Option<u16>,
    template: Option<Template>,
    open: OpenCount,
}

impl Slot {
    fn new(request: &Start) -> Box<Self> {
        let mut attributes = MetricSet::new();
        request.push_target(&mut attributes);
        let Start { method, server, template, .. } = request;
        Box::new(Self {
            attributes,
            method: method.as_str(),
            address: server.address.as_ref().map(|it| it.as_str().into()),
            port: server.port,
            template: template.clone(),
            open: OpenCount::default(),
        })
    }

    fn is_of(&self, Start { method, server, template, .. }: &Start) -> bool {
        self.port == server.port
            && self.method == method.as_str()
            && self.address.as_deref() == server.address.as_ref().map(StringValue::as_str)
            && self.template == *template
    }
}

impl Counts {
    fn new(instrument: UpDownCounter<i64>) -> Self {
        Self { instrument, slots: (0..SLOTS).map(|_| OnceLock::new()).collect() }
    }

    /// The slot of `request`; `None` if another one has its place.
    fn slot(&self, request: &Start) -> Option<(usize, &Slot)> {
        let place = place(request);
        let slot = self.slots.get(place)?.get_or_init(|| Slot::new(request));
        slot.is_of(request).then_some((place, slot))
    }

    /// Tells the instrument what has changed; that of a slot that was used may be nothing.
    fn tell(&self) {
        for slot in self.slots.iter().filter_map(OnceLock::get) {
            if let Some(change) = slot.open.change() {
                self.instrument.add(change, slot.attributes.as_slice());
            }
        }
    }
}

fn place(Start { method, server, template, .. }: &Start) -> usize {
    let port = u64::from(server.port.unwrap_or_default());
    let start = port << 8 | method.index() as u64;
    let address = server.address.as_ref().map_or("", StringValue::as_str);
    let template = template.as_ref().map_or("", Template::as_str);
    slot(hash(hash(start, address), template), SLOTS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use opentelemetry::Context;
    use opentelemetry_sdk::metrics::data::{
        AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
    };
    use opentelemetry_sdk::metrics::{
        Aggregation, InMemoryMetricExporter, Instrument, PeriodicReader, SdkMeterProvider, Stream,
    };

    use crate::client::{ClientSpan, HttpClientInstrumenter, PerRequest};
    use crate::headers::tests::Lines;
    use crate::message::ClientRequest;
    use crate::metrics::ACTIVE_CLIENT_REQUESTS;
    use crate::options::HttpClientOptions;

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

        fn client(&self) -> HttpClientInstrumenter {
            let options = HttpClientOptions::default().env_lookup(|_| None).spans(false);
            let options = options.meter_provider(self.provider.clone());
            HttpClientInstrumenter::new("own", "1", "OWN", options)
        }

        /// The series of active requests that the last export holds.
        fn series(&self) -> BTreeSet<String> {
            self.exporter.reset();
            self.provider.force_flush().unwrap();
            let exported = self.exporter.get_finished_metrics().unwrap();
            let scopes = exported.iter().flat_map(ResourceMetrics::scope_metrics);
            let mut series = BTreeSet::new();
            for metric in scopes.flat_map(ScopeMetrics::metrics) {
                let AggregatedMetrics::I64(MetricData::Sum(sum)) = metric.data() else { continue };
                for point in sum.data_points() {
                    let of_point = point.attributes().map(|it| it.value.to_string());
                    let mut values: Vec<_> = of_point.collect();
                    values.sort();
                    series.insert(format!("{} {}", values.join(" "), point.value()));
                }
            }
            series
        }
    }

    fn send(client: &HttpClientInstrumenter, url: &str, template: Option<&str>) -> ClientSpan {
        let headers = &Lines(&[]);
        let request = ClientRequest { method: "GET", url, template, resend_count: 0, headers };
        client.start(&Context::new(), &request, &PerRequest::default()).unwrap()
    }

    fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
        texts.map(str::to_owned).into()
    }

    #[test]
    fn what_is_active_is_the_sum_of_all_who_count() {
        let collected = Collected::new(|_| None);
        let (one, another) = (collected.client(), collected.client());
        let first = send(&one, "http://a/", None);
        let second = send(&another, "http://a/x", None);
        let third = send(&one, "https://a/x", Some("/{x}"));
        drop(send(&one, "http://b:81/", None));
        let now = texts(["80 GET a 2", "/{x} 443 GET a 1", "81 GET b 0"]);
        assert_eq!(collected.series(), now);

        drop((third, second));
        drop((one, another));
        let now = texts(["80 GET a 1", "/{x} 443 GET a 0", "81 GET b 0"]);
        assert_eq!(collected.series(), now);
        drop(first);
        assert!(collected.series().contains("80 GET a 0"));
    }

    #[test]
    fn more_servers_than_there_are_slots_are_counted_all_the_same() {
        let collected = Collected::new(|_| None);
        let client = collected.client();
        let urls = (0..1000).map(|it| format!("http://h{it}/"));
        let mut spans: Vec<_> = urls.map(|it| send(&client, &it, None)).collect();
        let open = |it: i32| format!("80 GET h{it} 1");
        assert_eq!(collected.series(), (0..1000).map(open).collect());

        spans.truncate(500);
        let state = |it: i32| format!("80 GET h{it} {}", u8::from(it < 500));
        assert_eq!(collected.series(), (0..1000).map(state).collect());
    }

    #[test]
    fn a_view_that_picks_the_instrument_by_its_name_is_enough() {
        let collected = Collected::new(|instrument| {
            let stream = Stream::builder();
            if instrument.name() == ACTIVE_CLIENT_REQUESTS {
                stream.with_name("active").build().ok()
            } else {
                stream.with_aggregation(Aggregation::Drop).build().ok()
            }
        });
        let client = collected.client();
        let _span = send(&client, "http://a/", None);
        assert_eq!(collected.series(), texts(["80 GET a 1"]));
    }
}
