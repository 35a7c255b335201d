//! Tail sampling: the spans of a trace wait until it is known whether the trace is kept.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, InstrumentationScope,
    trace::{Span as _, SpanId, SpanKind, TraceContextExt, TraceId},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
    trace::{
        RandomIdGenerator, Sampler, SamplingDecision, ShouldSample, Span, SpanData, SpanProcessor,
    },
};

use super::traces::{MAX_WAITING, State, Traces};
use crate::{Level, data_model, warnings::Warnings};

/// Gives the share of traces like this one that are kept.
pub(crate) type Judge = dyn Fn(&TailInfo<'_>) -> f64 + Send + Sync;

/// What is known of a trace when a span of it starts or ends, or when it logs.
///
/// ```
/// use logfire_rs_sdk::{Level, Sampling};
///
/// let sampling = Sampling::default().tail(|trace| if trace.level() >= Level::Warn { 1.0 } else { 0.0 });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TailInfo<'a> {
    span: Option<&'a SpanData>,
    has_ended: bool,
    level: Level,
    duration: Duration,
}

impl<'a> TailInfo<'a> {
    /// The span that starts or ends, before it is scrubbed; `None` for a log.
    ///
    /// ```
    /// # let sampling = logfire_rs_sdk::Sampling::default();
    /// sampling.tail(|trace| if trace.span().is_some_and(|span| span.name == "GET /") { 0.1 } else { 1.0 });
    /// ```
    #[must_use]
    pub const fn span(&self) -> Option<&'a SpanData> {
        self.span
    }

    /// Whether [`span`](Self::span) has ended.
    ///
    /// ```
    /// # let sampling = logfire_rs_sdk::Sampling::default();
    /// sampling.tail(|trace| if trace.has_ended() { 1.0 } else { 0.0 });
    /// ```
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The level of the span or log, with that of its status: a request that was answered with 404 warns.
    ///
    /// ```
    /// # let sampling = logfire_rs_sdk::Sampling::default();
    /// # use logfire_rs_sdk::Level;
    /// sampling.tail(|trace| if trace.level() > Level::Info { 1.0 } else { 0.0 });
    /// ```
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// From the start of the trace to the start or end of this span, or to the log.
    ///
    /// ```
    /// # let sampling = logfire_rs_sdk::Sampling::default();
    /// sampling.tail(|trace| if trace.duration().as_secs() > 3 { 1.0 } else { 0.0 });
    /// ```
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }
}

/// A span processor that gets the spans of traces that are kept; made by [`Sampling::wrap`](crate::Sampling::wrap).
///
/// At most 20000 starts and ends of spans wait for a decision. With more, the traces that have waited longest are dropped,
/// with one warning. What starts or ends after its trace was dropped is judged by itself.
///
/// ```
/// use logfire_rs_sdk::{Sampling, TailSampled};
/// # fn example<P: logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor>(
/// #     processor: P,
/// # ) -> Result<(), logfire_rs_sdk::ConfigureError> {
/// let processor: TailSampled<P> = Sampling::level_or_duration().wrap(processor)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TailSampled<P> {
    /// `None` keeps everything.
    waiting_room: Option<Arc<WaitingRoom>>,
    inner: P,
    ids: RandomIdGenerator,
}

/// Traces that wait, and who decides about them.
struct WaitingRoom {
    judge: Arc<Judge>,
    traces: Mutex<Traces>,
    warnings: Warnings,
    panicked: AtomicBool,
    overflowed: AtomicBool,
}

/// Marks a trace when it logs something that is to be kept; made by [`TailSampled::log_processor`].
///
/// ```
/// use logfire_rs_sdk::{Sampling, TailSamplingLogProcessor};
/// # fn example(
/// #     exporting: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor,
/// # ) -> Result<(), logfire_rs_sdk::ConfigureError> {
/// let spans = Sampling::level_or_duration().wrap(exporting)?;
/// let logs: TailSamplingLogProcessor = spans.log_processor();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TailSamplingLogProcessor(Option<Arc<WaitingRoom>>);

impl<P> TailSampled<P> {
    pub(crate) fn new(judge: Option<Arc<Judge>>, inner: P, warnings: Warnings) -> Self {
        let waiting_room = judge.map(|judge| {
            Arc::new(WaitingRoom {
                judge,
                traces: Mutex::default(),
                warnings,
                panicked: AtomicBool::new(false),
                overflowed: AtomicBool::new(false),
            })
        });
        Self { waiting_room, inner, ids: RandomIdGenerator::default() }
    }

    /// A log processor that lets what is logged decide too. The logs themselves pass, also those of dropped traces.
    ///
    /// ```
    /// use logfire_rs_sdk::{Sampling, opentelemetry_sdk::logs::SdkLoggerProvider};
    /// # fn example(
    /// #     exporting: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor,
    /// # ) -> Result<(), logfire_rs_sdk::ConfigureError> {
    /// let spans = Sampling::level_or_duration().wrap(exporting)?;
    /// let logs = SdkLoggerProvider::builder().with_log_processor(spans.log_processor());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn log_processor(&self) -> TailSamplingLogProcessor {
        TailSamplingLogProcessor(self.waiting_room.clone())
    }
}

impl<P: SpanProcessor> TailSampled<P> {
    fn release(&self, spans: Vec<SpanData>) {
        for span in spans {
            self.inner.on_end(span);
        }
    }
}

impl<P: SpanProcessor> SpanProcessor for TailSampled<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        let context = span.span_context();
        let (trace, is_sampled) = (context.trace_id(), context.is_sampled());
        let Some(room) = self.waiting_room.as_ref().filter(|_| is_sampled) else {
            return self.inner.on_start(span, cx);
        };
        // A root has no parent in its context; everything else may belong to a trace that waits.
        if cx.span().span_context().is_valid() && room.lock().state(trace) == State::Kept {
            return self.inner.on_start(span, cx);
        }
        let Some(data) = span.exported_data() else { return };
        if data.parent_span_id == SpanId::INVALID {
            room.lock().begin(trace, data.span_context.span_id(), data.start_time);
        }
        let announce = |data: SpanData| data_model::announce(data, &self.ids);
        match room.started(data, announce) {
            Verdict::Keep(waiting) => {
                self.release(waiting);
                self.inner.on_start(span, cx);
            }
            Verdict::Wait => {}
        }
    }

    fn on_end(&self, span: SpanData) {
        match self.waiting_room.as_ref().filter(|_| span.span_context.is_sampled()) {
            None => self.inner.on_end(span),
            Some(room) => self.release(room.ended(span)),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl LogProcessor for TailSamplingLogProcessor {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        let time = record.timestamp().or_else(|| record.observed_timestamp());
        if let Some(room) = &self.0
            && let Some(context) = record.trace_context()
            && let Some(time) = time
        {
            let level = record.severity_number().map(Level::from).unwrap_or_default();
            room.logged(context.trace_id, level, time);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Whether a record is wanted is for the others to say.
    fn event_enabled(
        &self,
        _level: opentelemetry::logs::Severity,
        _target: &str,
        _name: Option<&str>,
    ) -> bool {
        false
    }
}

/// What happens with a trace now.
enum Verdict {
    /// It is kept, and these have waited.
    Keep(Vec<SpanData>),
    Wait,
}

impl WaitingRoom {
    /// Never held while somebody else's code runs: a callback may make spans itself.
    fn lock(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, span: SpanData, announce: impl FnOnce(SpanData) -> SpanData) -> Verdict {
        let trace = span.span_context.trace_id();
        let since = match self.state_of(trace) {
            State::Kept => return Verdict::Keep(Vec::new()),
            // Its end will tell.
            State::Dropped => return Verdict::Wait,
            State::Waiting { since } => since,
        };
        if self.keeps(trace, &of_span(&span, false, since)) {
            return Verdict::Keep(self.lock().keep(trace));
        }
        match self.wait(trace, announce(span), false) {
            // The processor announces it itself.
            Some(_) => Verdict::Keep(Vec::new()),
            None => Verdict::Wait,
        }
    }

    /// What leaves now that this span has ended.
    fn ended(&self, span: SpanData) -> Vec<SpanData> {
        let trace = span.span_context.trace_id();
        let since = match self.state_of(trace) {
            State::Kept => return vec![span],
            State::Dropped => {
                let keeps = self.keeps(trace, &of_span(&span, true, span.start_time));
                return if keeps { vec![span] } else { Vec::new() };
            }
            State::Waiting { since } => since,
        };
        if self.keeps(trace, &of_span(&span, true, since)) {
            let mut leaving = self.lock().keep(trace);
            leaving.push(span);
            return leaving;
        }
        self.wait(trace, span, true).into_iter().collect()
    }

    fn logged(&self, trace: TraceId, level: Level, time: SystemTime) {
        if let State::Waiting { since } = self.state_of(trace) {
            let duration = time.duration_since(since).unwrap_or_default();
            if self.keeps(trace, &TailInfo { span: None, has_ended: false, level, duration }) {
                self.lock().mark(trace);
            }
        }
    }

    fn state_of(&self, trace: TraceId) -> State {
        self.lock().state(trace)
    }

    /// Has the span wait, or drops the trace that ends with it. While the callback was asked another thread may have
    /// decided: the span comes back if its trace is kept by now.
    fn wait(&self, trace: TraceId, span: SpanData, has_ended: bool) -> Option<SpanData> {
        let mut traces = self.lock();
        if traces.state(trace) == State::Kept {
            return Some(span);
        }
        if has_ended && traces.is_root(trace, span.span_context.span_id()) {
            traces.drop_trace(trace);
            return None;
        }
        let had_room = traces.put(trace, span);
        drop(traces);
        if !had_room && !self.overflowed.swap(true, Ordering::Relaxed) {
            self.warnings.warn(&format_args!(
                "tail sampling: more than {MAX_WAITING} spans wait for a decision, the oldest traces are dropped"
            ));
        }
        None
    }

    /// A callback that panics keeps the trace: rather too much than nothing.
    fn keeps(&self, trace: TraceId, info: &TailInfo<'_>) -> bool {
        if self.lock().is_marked(trace) {
            return true;
        }
        let rate = catch_unwind(AssertUnwindSafe(|| (self.judge)(info)));
        let rate = rate.unwrap_or_else(|_| {
            if !self.panicked.swap(true, Ordering::Relaxed) {
                self.warnings.warn(&"the tail sampling callback panicked: the trace is kept");
            }
            1.0
        });
        rate > 0.0 && is_within(rate, trace)
    }
}

/// As head sampling decides, so that both keep the same traces at the same rate.
fn is_within(rate: f64, trace: TraceId) -> bool {
    let sampler = Sampler::TraceIdRatioBased(rate);
    let result = sampler.should_sample(None, trace, "", &SpanKind::Internal, &[], &[]);
    result.decision == SamplingDecision::RecordAndSample
}

fn of_span(span: &SpanData, has_ended: bool, since: SystemTime) -> TailInfo<'_> {
    let now = if has_ended { span.end_time } else { span.start_time };
    let duration = now.duration_since(since).unwrap_or_default();
    TailInfo { span: Some(span), has_ended, level: data_model::level(span), duration }
}

impl fmt::Debug for WaitingRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingRoom").finish_non_exhaustive()
    }
}
