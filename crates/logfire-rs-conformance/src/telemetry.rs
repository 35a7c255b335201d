//! A recorder for one test, and options that report to it.

use std::time::Duration;

use logfire_rs_core::{HttpClientOptions, HttpServerOptions};
use logfire_rs_sdk::testing::{Metrics, Recorder, Spans};
use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry_sdk::trace::{SdkTracer, ShouldSample};

/// An SDK of its own for one test.
#[derive(Clone, Debug, Default)]
pub struct Telemetry(Recorder);

impl Telemetry {
    /// An SDK that samples in this way.
    #[must_use]
    pub fn with_sampler(sampler: impl ShouldSample + 'static) -> Self {
        Self(Recorder::with_sampler(sampler))
    }

    /// Options that report here, and know no environment.
    #[must_use]
    pub fn server_options(&self) -> HttpServerOptions {
        self.0.attach(HttpServerOptions::default()).env_lookup(|_| None)
    }

    /// Options that report here, and know no environment.
    #[must_use]
    pub fn client_options(&self) -> HttpClientOptions {
        self.0.attach(HttpClientOptions::default()).env_lookup(|_| None)
    }

    /// A tracer for the spans of the application itself.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer_provider().tracer("application")
    }

    /// The spans that ended so far.
    #[must_use]
    pub fn spans(&self) -> Spans {
        self.0.captured().spans
    }

    /// Waits until `count` spans of servers ended, and gives all spans.
    ///
    /// # Panics
    ///
    /// If they do not end within half a minute.
    pub async fn server_spans(&self, count: usize) -> Spans {
        for _ in 0..3000 {
            let spans = self.spans();
            if spans.iter().filter(|it| it.span_kind == SpanKind::Server).count() >= count {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {count} server spans, but {:#?}", self.spans());
    }

    /// The metrics so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.0.captured().metrics
    }
}
