//! What spans and logs say, and which of them leave.

use super::Configuration;
use crate::{Level, Sampling, Scrubbing};

impl Configuration {
    /// What is scrubbed before anything leaves, to Logfire, to other backends, to the console and to processors of the
    /// user; `false` turns it off. On by default, with the patterns of [`Scrubbing`].
    ///
    /// An invalid extra pattern is an error of [`finish`](Self::finish).
    ///
    /// ```
    /// use logfire_rs_sdk::Scrubbing;
    ///
    /// let configuration = logfire_rs_sdk::configure().scrubbing(Scrubbing::default().extra_patterns(["phone"]));
    /// let configuration = logfire_rs_sdk::configure().scrubbing(false);
    /// ```
    pub fn scrubbing(mut self, scrubbing: impl Into<Scrubbing>) -> Self {
        self.scrubbing = scrubbing.into();
        self
    }

    /// Which traces are kept: a rate, or a [`Sampling`]. All by default.
    ///
    /// Environment: `LOGFIRE_TRACE_SAMPLE_RATE`, else `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    ///
    /// A rate that is no number from 0 to 1 is an error of [`finish`](Self::finish).
    ///
    /// ```
    /// use logfire_rs_sdk::Sampling;
    ///
    /// let configuration = logfire_rs_sdk::configure().sampling(0.1);
    /// let configuration = logfire_rs_sdk::configure().sampling(Sampling::level_or_duration());
    /// ```
    pub fn sampling(mut self, sampling: impl Into<Sampling>) -> Self {
        self.sampling = sampling.into();
        self
    }

    /// The lowest level of spans and logs that leave. Spans without a level of their own, such as requests, always leave.
    ///
    /// Environment: `LOGFIRE_MIN_LEVEL`. None by default.
    ///
    /// ```
    /// use logfire_rs_sdk::Level;
    ///
    /// let configuration = logfire_rs_sdk::configure().min_level(Level::Info);
    /// ```
    pub fn min_level(mut self, level: Level) -> Self {
        self.front.min_level = Some(level);
        self
    }

    /// Whether the baggage of the context becomes attributes of each span that starts in it; see
    /// [`BaggageToAttributes`](crate::BaggageToAttributes). Yes by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().add_baggage_to_attributes(false);
    /// ```
    pub fn add_baggage_to_attributes(mut self, add: bool) -> Self {
        self.front.leave_baggage = !add;
        self
    }
}
