//! Providers that keep what is recorded.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    task::{Poll, Waker},
    thread,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, InstrumentationScope,
    logs::LogRecord as _,
    trace::{SpanId, TraceId},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider},
    metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider, ShouldSample, Span, SpanData, SpanProcessor},
};

use super::{
    Captured, Logs, Metrics, Options, Spans,
    clock::{Clock, Counting},
};

/// How long open spans have to end when the work is done.
const LIMIT: Duration = Duration::from_secs(5);
/// Longer than a test: metrics are read when they are asked for.
const INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Providers of their own, and what was recorded through them; [`capture`](super::capture) is one of these in one line.
///
/// Clones record to the same place.
///
/// ```
/// use logfire_rs_sdk::{opentelemetry::trace::{Tracer, TracerProvider}, testing::Recorder};
///
/// let recorder = Recorder::default();
/// recorder.tracer_provider().tracer("doc").in_span("work", |_| ());
/// assert_eq!(recorder.captured().to_string(), "work [internal]\n");
/// ```
#[derive(Clone, Debug)]
pub struct Recorder {
    kept: Arc<Mutex<Kept>>,
    tracers: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    meters: SdkMeterProvider,
    loggers: SdkLoggerProvider,
}

#[derive(Debug, Default)]
struct Kept {
    clock: Clock,
    /// When they began.
    open: HashMap<(TraceId, SpanId), SystemTime>,
    spans: Vec<SpanData>,
    logs: Vec<SdkLogRecord>,
    /// Who waits for the open spans.
    waiting: Option<Waker>,
    out_of_time: bool,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
    }
}

impl Recorder {
    /// A recorder whose traces are sampled in this way; as their callers say, else all of them, by default.
    ///
    /// ```
    /// use logfire_rs_sdk::{opentelemetry::trace::{Tracer, TracerProvider}, testing::Recorder};
    /// use logfire_rs_sdk::opentelemetry_sdk::trace::Sampler;
    ///
    /// let recorder = Recorder::with_sampler(Sampler::AlwaysOff);
    /// recorder.tracer_provider().tracer("doc").in_span("work", |_| ());
    /// assert_eq!(recorder.captured().to_string(), "");
    /// ```
    #[must_use]
    pub fn with_sampler(sampler: impl ShouldSample + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let metrics = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(metrics.clone()).with_interval(INTERVAL).build();
        Self {
            tracers: SdkTracerProvider::builder()
                .with_sampler(sampler)
                .with_id_generator(Counting::default())
                .with_span_processor(Keeping(Arc::clone(&kept)))
                .build(),
            meters: SdkMeterProvider::builder().with_reader(reader).build(),
            loggers: SdkLoggerProvider::builder()
                .with_log_processor(Keeping(Arc::clone(&kept)))
                .build(),
            kept,
            metrics,
        }
    }

    /// The same options, with the providers of this recorder.
    ///
    /// ```
    /// use logfire_rs_core::HttpServerOptions;
    /// use logfire_rs_sdk::testing::Recorder;
    ///
    /// let recorder = Recorder::default();
    /// let options = recorder.attach(HttpServerOptions::default().record_body_sizes(true));
    /// ```
    #[must_use]
    pub fn attach<O: Options>(&self, options: O) -> O {
        options.attach(self)
    }

    /// For spans of the program itself.
    ///
    /// ```
    /// use logfire_rs_sdk::{opentelemetry::trace::TracerProvider, testing::Recorder};
    ///
    /// let tracer = Recorder::default().tracer_provider().tracer("shop");
    /// ```
    #[must_use]
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.tracers
    }

    /// For metrics of the program itself.
    ///
    /// ```
    /// use logfire_rs_sdk::{opentelemetry::metrics::MeterProvider, testing::Recorder};
    ///
    /// let recorder = Recorder::default();
    /// recorder.meter_provider().meter("shop").u64_counter("orders").build().add(2, &[]);
    /// assert_eq!(recorder.captured().to_string(), "orders{} = 2\n");
    /// ```
    #[must_use]
    pub fn meter_provider(&self) -> &SdkMeterProvider {
        &self.meters
    }

    /// For bridges from logging crates.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
    /// use logfire_rs_sdk::testing::Recorder;
    ///
    /// let recorder = Recorder::default();
    /// let logger = recorder.logger_provider().logger("shop");
    /// let mut record = logger.create_log_record();
    /// record.set_body("sold".into());
    /// logger.emit(record);
    /// assert_eq!(recorder.captured().to_string(), "- sold\n");
    /// ```
    #[must_use]
    pub fn logger_provider(&self) -> &SdkLoggerProvider {
        &self.loggers
    }

    /// What has ended so far; what was captured before is in it too.
    ///
    /// ```
    /// let captured = logfire_rs_sdk::testing::Recorder::default().captured();
    /// assert!(captured.spans.is_empty() && captured.metrics.is_empty() && captured.logs.is_empty());
    /// ```
    #[must_use]
    pub fn captured(&self) -> Captured {
        self.metrics.reset();
        // Both fail only after a shutdown, and then there are no metrics.
        let _ = self.meters.force_flush();
        let metrics = self.metrics.get_finished_metrics().unwrap_or_default();
        let kept = lock(&self.kept);
        Captured {
            spans: Spans(kept.spans.clone()),
            metrics: Metrics(metrics),
            logs: Logs(kept.logs.clone()),
        }
    }

    /// Runs `work`, waits for the spans that are open, and gives what was recorded, as [`capture`](super::capture) does.
    ///
    /// ```
    /// use logfire_rs_sdk::{opentelemetry::trace::{Tracer, TracerProvider}, testing::Recorder};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let recorder = Recorder::default();
    /// let tracer = recorder.tracer_provider().tracer("doc");
    /// let captured = recorder.record(async { tracer.in_span("work", |_| ()) }).await;
    /// assert_eq!(captured.spans[0].name, "work");
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn record(&self, work: impl Future<Output = ()>) -> Captured {
        #[cfg(feature = "tracing")]
        let (work, _tasks_of_this_thread) = {
            use tracing::{Dispatch, dispatcher::set_default, instrument::WithSubscriber};
            use tracing_subscriber::{layer::SubscriberExt, registry};
            let dispatch = Dispatch::new(registry().with(self.tracing_layer()));
            (work.with_subscriber(dispatch.clone()), set_default(&dispatch))
        };
        work.await;
        self.settled().await;
        self.captured()
    }

    /// A layer for a `tracing` subscriber of your own, as [`Logfire::tracing_layer`](crate::Logfire::tracing_layer), but
    /// without what differs from run to run: threads, places in the code, and busy and idle times. `RUST_LOG` is not
    /// read; the level is `info`.
    ///
    /// ```
    /// use logfire_rs_sdk::testing::Recorder;
    /// use tracing_subscriber::{layer::SubscriberExt, registry};
    ///
    /// let recorder = Recorder::default();
    /// tracing::subscriber::with_default(registry().with(recorder.tracing_layer()), || {
    ///     tracing::info_span!("check out").in_scope(|| tracing::info!(items = 3, "sold"));
    /// });
    /// assert_eq!(recorder.captured().logs.to_string(), "- INFO sold\n    items = 3\n");
    /// ```
    #[cfg(feature = "tracing")]
    #[must_use]
    pub fn tracing_layer<S>(&self) -> impl tracing_subscriber::Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber
            + for<'span> tracing_subscriber::registry::LookupSpan<'span>
            + Send
            + Sync,
    {
        use crate::tracing_bridge::{DEFAULT_FILTER, Details, layer};
        layer(&self.tracers, &self.loggers, DEFAULT_FILTER, None, Details::Lasting)
    }

    /// Waits until no span is open, at most [`LIMIT`].
    async fn settled(&self) {
        let mut alarm = None;
        poll_fn(|cx| {
            let mut kept = lock(&self.kept);
            if kept.open.is_empty() || kept.out_of_time {
                return Poll::Ready(());
            }
            kept.waiting = Some(cx.waker().clone());
            drop(kept);
            alarm.get_or_insert_with(|| self.alarm());
            Poll::Pending
        })
        .await;
        lock(&self.kept).out_of_time = false;
    }

    /// Wakes who waits when time is up, unless what is returned is dropped before.
    fn alarm(&self) -> mpsc::Sender<()> {
        let (dropped, is_dropped) = mpsc::channel();
        let kept = Arc::clone(&self.kept);
        thread::spawn(move || {
            if is_dropped.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                let mut kept = lock(&kept);
                kept.out_of_time = true;
                wake(kept);
            }
        });
        dropped
    }
}

/// Keeps spans and logs, at the times of its own clock.
#[derive(Debug)]
struct Keeping(Arc<Mutex<Kept>>);

impl SpanProcessor for Keeping {
    fn on_start(&self, span: &mut Span, _cx: &Context) {
        let Some(span) = span.exported_data() else { return };
        let mut kept = lock(&self.0);
        let now = kept.clock.now();
        kept.open.insert(key(&span), now);
    }

    fn on_end(&self, mut span: SpanData) {
        let mut kept = lock(&self.0);
        if let Some(started) = kept.open.remove(&key(&span)) {
            span.start_time = started;
        }
        for event in &mut span.events.events {
            event.timestamp = kept.clock.now();
        }
        span.end_time = kept.clock.now();
        if span.span_context.is_sampled() {
            kept.spans.push(span);
        }
        if kept.open.is_empty() {
            wake(kept);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogProcessor for Keeping {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        let mut kept = lock(&self.0);
        let now = kept.clock.now();
        record.set_timestamp(now);
        record.set_observed_timestamp(now);
        kept.logs.push(record.clone());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

fn key(span: &SpanData) -> (TraceId, SpanId) {
    (span.span_context.trace_id(), span.span_context.span_id())
}

fn wake(mut kept: MutexGuard<'_, Kept>) {
    let waiting = kept.waiting.take();
    // A waker may poll at once, and then locks.
    drop(kept);
    waiting.into_iter().for_each(Waker::wake);
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
