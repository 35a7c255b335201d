//! What becomes of metrics on their way to the readers.

use std::{fmt, sync::Arc};

use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, Stream, reader::MetricReader,
};

use crate::environment::Environment;

const AGGREGATION: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

/// What the setters gave.
#[derive(Debug, Default)]
pub(crate) struct MetricsSettings {
    pub(crate) off: bool,
    readers: MeterProviderBuilder,
    has_readers: bool,
    views: Vec<View>,
    pub(crate) exponential_histograms: Option<bool>,
}

#[derive(Clone)]
struct View(Arc<ViewFn>);

type ViewFn = dyn Fn(&Instrument) -> Option<Stream> + Send + Sync;

impl MetricsSettings {
    pub(crate) fn add_reader(&mut self, reader: impl MetricReader) {
        self.readers = std::mem::take(&mut self.readers).with_reader(reader);
        self.has_readers = true;
    }

    pub(crate) fn add_view(
        &mut self,
        view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static,
    ) {
        self.views.push(View(Arc::new(view)));
    }

    /// A provider with the readers and views of the user, for which exporters are still to be added.
    pub(crate) fn builder(self, to_logfire: bool, env: &Environment) -> MeterProviderBuilder {
        if self.off {
            return MeterProviderBuilder::default();
        }
        let exponential = self.exponential_histograms.or_else(|| {
            let expected = "`explicit_bucket_histogram` or `base2_exponential_bucket_histogram`";
            env.parsed(&[AGGREGATION], expected, |text| match text.to_ascii_lowercase().as_str() {
                "explicit_bucket_histogram" => Some(false),
                "base2_exponential_bucket_histogram" => Some(true),
                _ => None,
            })
        });
        let mut builder = self.readers;
        for View(view) in self.views.clone() {
            builder = builder.with_view(move |instrument| view(instrument));
        }
        // A reader of the user may know no exponential histograms, as that of Prometheus.
        if exponential.unwrap_or(to_logfire && !self.has_readers) {
            let views = self.views;
            // Two views of one instrument are two streams.
            builder = builder.with_view(move |instrument| {
                let is_taken = || views.iter().any(|View(view)| view(instrument).is_some());
                exponential_histogram(instrument).filter(|_| !is_taken())
            });
        }
        builder
    }
}

/// With the size and scale of the specification, as Logfire's Python SDK has them.
/// <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation>
fn exponential_histogram(instrument: &Instrument) -> Option<Stream> {
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    Stream::builder().with_aggregation(aggregation).build().ok()
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}
