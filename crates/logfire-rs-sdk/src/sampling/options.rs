//! What the user asks for.

use std::{fmt, sync::Arc, time::Duration};

use opentelemetry_sdk::trace::Sampler;

use super::tail::{Judge, TailInfo, TailSampled};
use crate::{ConfigureError, Level, warnings::Warnings};

/// How long a trace takes that is kept for it.
const DURATION_THRESHOLD: Duration = Duration::from_secs(5);

/// Which traces are kept. All by default.
///
/// *Head* sampling decides when a trace begins, by its id: what is not kept costs nearly nothing. *Tail* sampling decides
/// when something is known about the trace: spans wait in memory until then.
///
/// ```
/// use std::time::Duration;
/// use logfire_rs_sdk::{Level, Sampling, configure};
/// # let configure = || configure().local().env_lookup(|_| None).console(false);
///
/// // One of ten.
/// let logfire = configure().sampling(0.1).finish()?;
/// // Everything that warns or takes longer than a second, and one of a hundred of the rest.
/// let sampling = Sampling::level_or_duration()
///     .level_threshold(Level::Warn)
///     .duration_threshold(Duration::from_secs(1))
///     .background_rate(0.01);
/// let logfire = configure().sampling(sampling).finish()?;
/// // A rate of one's own.
/// let sampling = Sampling::default().tail(|trace| if trace.level() >= Level::Error { 1.0 } else { 0.5 });
/// let logfire = configure().sampling(sampling).finish()?;
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sampling {
    pub(super) head: Option<f64>,
    tail: Option<Tail>,
}

#[derive(Clone)]
enum Tail {
    Callback(Arc<Judge>),
    LevelOrDuration(LevelOrDuration),
}

#[derive(Clone, Copy, Debug)]
struct LevelOrDuration {
    level: Option<Level>,
    duration: Option<Duration>,
    background_rate: f64,
}

impl Default for LevelOrDuration {
    fn default() -> Self {
        Self {
            level: Some(Level::Notice),
            duration: Some(DURATION_THRESHOLD),
            background_rate: 0.0,
        }
    }
}

impl Sampling {
    /// The share of traces that are begun, from 0 to 1; those of other services are begun if the caller has begun them.
    ///
    /// Environment: `LOGFIRE_TRACE_SAMPLE_RATE`, else `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`. 1 by default.
    /// Another number is an error of [`finish`](crate::Configuration::finish).
    ///
    /// ```
    /// use logfire_rs_sdk::{Sampling, configure};
    ///
    /// let sampling = Sampling::default().head(0.5);
    /// let error = configure().local().sampling(Sampling::default().head(1.5)).finish().unwrap_err();
    /// assert_eq!(error.to_string(), "sampling is invalid: the head rate 1.5 is not a number from 0 to 1");
    /// ```
    #[must_use]
    pub fn head(mut self, rate: f64) -> Self {
        self.head = Some(rate);
        self
    }

    /// Decides about a trace whenever one of its spans starts or ends, and when it logs: `tail` gives the share of such
    /// traces that are kept, 0 for none yet. It replaces [`level_or_duration`](Self::level_or_duration).
    ///
    /// The decision is by the trace's id, so that the same rate keeps the same traces. What is kept once is kept to its end;
    /// what is not kept when its root ends is dropped. Traces that other services began are always kept. If `tail` panics
    /// the trace is kept. None by default.
    ///
    /// ```
    /// use logfire_rs_sdk::{Level, Sampling};
    ///
    /// let sampling = Sampling::default().tail(|trace| {
    ///     let is_checkout = trace.span().is_some_and(|span| span.name == "POST /checkout");
    ///     if is_checkout || trace.level() >= Level::Error { 1.0 } else { 0.1 }
    /// });
    /// ```
    #[must_use]
    pub fn tail(mut self, tail: impl Fn(&TailInfo<'_>) -> f64 + Send + Sync + 'static) -> Self {
        self.tail = Some(Tail::Callback(Arc::new(tail)));
        self
    }

    /// Keeps traces with a span or log of a level of at least [`Level::Notice`], or longer than 5 seconds.
    ///
    /// ```
    /// let sampling = logfire_rs_sdk::Sampling::level_or_duration().head(0.5);
    /// ```
    #[must_use]
    pub fn level_or_duration() -> Self {
        Self { tail: Some(Tail::LevelOrDuration(LevelOrDuration::default())), head: None }
    }

    /// The level from which [`level_or_duration`](Self::level_or_duration) keeps a trace; `None` for none.
    /// [`Level::Notice`] by default.
    ///
    /// ```
    /// use logfire_rs_sdk::{Level, Sampling};
    ///
    /// let sampling = Sampling::level_or_duration().level_threshold(Level::Error);
    /// let only_slow_ones = Sampling::level_or_duration().level_threshold(None);
    /// ```
    #[must_use]
    pub fn level_threshold(self, level: impl Into<Option<Level>>) -> Self {
        let level = level.into();
        self.with_rules(|rules| rules.level = level)
    }

    /// The duration above which [`level_or_duration`](Self::level_or_duration) keeps a trace; `None` for none. It is looked
    /// at when a span of the trace starts or ends. 5 seconds by default.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let sampling = logfire_rs_sdk::Sampling::level_or_duration().duration_threshold(Duration::from_millis(500));
    /// ```
    #[must_use]
    pub fn duration_threshold(self, duration: impl Into<Option<Duration>>) -> Self {
        let duration = duration.into();
        self.with_rules(|rules| rules.duration = duration)
    }

    /// The share of all traces that [`level_or_duration`](Self::level_or_duration) keeps whatever they are, from 0 to the
    /// head rate. 0 by default.
    ///
    /// ```
    /// let sampling = logfire_rs_sdk::Sampling::level_or_duration().background_rate(0.01);
    /// ```
    #[must_use]
    pub fn background_rate(self, rate: f64) -> Self {
        self.with_rules(|rules| rules.background_rate = rate)
    }

    /// The head sampler, for an OpenTelemetry SDK of your own.
    ///
    /// # Errors
    ///
    /// If a rate is not a number from 0 to 1.
    ///
    /// ```
    /// use logfire_rs_sdk::{Sampling, opentelemetry_sdk::trace::SdkTracerProvider};
    ///
    /// let sampler = Sampling::default().head(0.1).sampler()?;
    /// let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn sampler(&self) -> Result<Sampler, ConfigureError> {
        self.check(self.head)?;
        Ok(super::by_rate(self.head.unwrap_or(1.0)))
    }

    /// Wraps a span processor, which then gets the spans of traces that are kept; for an OpenTelemetry SDK of your own.
    ///
    /// Around [`LogfireSpanProcessor`](crate::LogfireSpanProcessor), spans that are still open when their trace is kept are
    /// announced then. Other processors are not told of starts while a trace waits.
    ///
    /// # Errors
    ///
    /// If a rate is not a number from 0 to 1.
    ///
    /// ```
    /// use logfire_rs_sdk::{LogfireSpanProcessor, Sampling};
    /// # fn example(
    /// #     exporting: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanProcessor,
    /// # ) -> Result<(), logfire_rs_sdk::ConfigureError> {
    /// let processor = Sampling::level_or_duration().wrap(LogfireSpanProcessor::new(exporting))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wrap<P>(self, inner: P) -> Result<TailSampled<P>, ConfigureError> {
        self.check(self.head)?;
        Ok(TailSampled::new(self.judge(), inner, Warnings::default()))
    }

    /// Who decides about traces that have begun, if not all are kept.
    pub(crate) fn judge(&self) -> Option<Arc<Judge>> {
        match self.tail.clone()? {
            Tail::Callback(judge) => Some(judge),
            Tail::LevelOrDuration(rules) => Some(Arc::new(move |trace| rules.rate(trace))),
        }
    }

    /// `head` is what the environment may have said.
    pub(super) fn check(&self, head: Option<f64>) -> Result<(), ConfigureError> {
        let is_rate = |rate: f64| (0.0..=1.0).contains(&rate);
        let invalid = |reason| Err(ConfigureError::Invalid { setting: "sampling", reason });
        let head = head.unwrap_or(1.0);
        if !is_rate(head) {
            return invalid(format!("the head rate {head} is not a number from 0 to 1"));
        }
        match self.tail {
            Some(Tail::LevelOrDuration(LevelOrDuration { background_rate: rate, .. }))
                if !is_rate(rate) =>
            {
                invalid(format!("the background rate {rate} is not a number from 0 to 1"))
            }
            Some(Tail::LevelOrDuration(LevelOrDuration { background_rate: rate, .. }))
                if self.head.is_some_and(|head| rate > head) =>
            {
                invalid(format!("the background rate {rate} is above the head rate {head}"))
            }
            _ => Ok(()),
        }
    }

    fn with_rules(mut self, change: impl FnOnce(&mut LevelOrDuration)) -> Self {
        let mut rules = match self.tail {
            Some(Tail::LevelOrDuration(rules)) => rules,
            Some(Tail::Callback(_)) | None => LevelOrDuration::default(),
        };
        change(&mut rules);
        self.tail = Some(Tail::LevelOrDuration(rules));
        self
    }
}

/// Head sampling with this rate.
impl From<f64> for Sampling {
    fn from(head: f64) -> Self {
        Self::default().head(head)
    }
}

impl LevelOrDuration {
    fn rate(&self, trace: &TailInfo<'_>) -> f64 {
        let is_slow = self.duration.is_some_and(|duration| trace.duration() > duration);
        let is_loud = self.level.is_some_and(|level| trace.level() >= level);
        if is_slow || is_loud { 1.0 } else { self.background_rate }
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callback(_) => f.write_str("Callback"),
            Self::LevelOrDuration(rules) => rules.fmt(f),
        }
    }
}
