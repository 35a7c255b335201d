//! Sampling and span limits, as the OpenTelemetry SDK reads them, but from our [`Environment`].

mod options;
mod tail;
mod traces;

use std::sync::Arc;

use opentelemetry_sdk::trace::{Sampler, SpanLimits};

pub(crate) use self::tail::Judge;
pub use self::{
    options::Sampling,
    tail::{TailInfo, TailSampled, TailSamplingLogProcessor},
};
use crate::{ConfigureError, environment::Environment};

const RATE: &str = "LOGFIRE_TRACE_SAMPLE_RATE";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

impl Sampling {
    /// The head sampler, and who decides about traces that have begun.
    pub(crate) fn resolve(
        &self,
        env: &Environment,
    ) -> Result<(Sampler, Option<Arc<Judge>>), ConfigureError> {
        self.check(self.head)?;
        let head = self.head.or_else(|| rate(env, &[RATE]));
        Ok((head.map_or_else(|| sampler(env), by_rate), self.judge()))
    }
}

/// What the caller has decided counts; of what has no caller, this share.
fn by_rate(rate: f64) -> Sampler {
    by_parent(if rate < 1.0 { Sampler::TraceIdRatioBased(rate) } else { Sampler::AlwaysOn })
}

fn by_parent(root: Sampler) -> Sampler {
    Sampler::ParentBased(Box::new(root))
}

fn rate(env: &Environment, names: &[&str]) -> Option<f64> {
    env.parsed(names, "a number from 0 to 1", |text| {
        text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate))
    })
}

/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration>
///
/// An argument without a sampler is a rate, as for Logfire's Python SDK.
fn sampler(env: &Environment) -> Sampler {
    let ratio = || Sampler::TraceIdRatioBased(rate(env, &[SAMPLER_ARG]).unwrap_or(1.0));
    let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
        "always_on" => Some(Sampler::AlwaysOn),
        "always_off" => Some(Sampler::AlwaysOff),
        "traceidratio" => Some(ratio()),
        "parentbased_always_on" => Some(by_parent(Sampler::AlwaysOn)),
        "parentbased_always_off" => Some(by_parent(Sampler::AlwaysOff)),
        "parentbased_traceidratio" => Some(by_parent(ratio())),
        _ => None,
    };
    let expected =
        "`always_on`, `always_off`, `traceidratio`, or one of these behind `parentbased_`";
    env.parsed(&[SAMPLER], expected, parse).unwrap_or_else(|| {
        let rate = if env.text(&[SAMPLER]).is_none() { rate(env, &[SAMPLER_ARG]) } else { None };
        by_rate(rate.unwrap_or(1.0))
    })
}

/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#span-limits>
pub(crate) fn span_limits(env: &Environment) -> SpanLimits {
    let limit = |name: &str, default: u32| {
        env.parsed(&[name], "a number", |text| text.parse().ok()).unwrap_or(default)
    };
    let default = SpanLimits::default();
    SpanLimits {
        max_attributes_per_span: limit(
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            default.max_attributes_per_span,
        ),
        max_events_per_span: limit("OTEL_SPAN_EVENT_COUNT_LIMIT", default.max_events_per_span),
        max_links_per_span: limit("OTEL_SPAN_LINK_COUNT_LIMIT", default.max_links_per_span),
        max_attributes_per_event: limit(
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            default.max_attributes_per_event,
        ),
        max_attributes_per_link: limit(
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            default.max_attributes_per_link,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::environment;

    #[test]
    fn samplers_have_the_names_of_the_specification() {
        let named = |variables| format!("{:?}", sampler(&environment(variables).0));
        assert_eq!(named(&[]), "ParentBased(AlwaysOn)");
        assert_eq!(named(&[(SAMPLER, "always_off")]), "AlwaysOff");
        assert_eq!(named(&[(SAMPLER, "Always_OFF")]), "AlwaysOff");
        assert_eq!(
            named(&[(SAMPLER, "parentbased_traceidratio"), (SAMPLER_ARG, "0.25")]),
            "ParentBased(TraceIdRatioBased(0.25))"
        );
        assert_eq!(
            named(&[(SAMPLER, "traceidratio"), (SAMPLER_ARG, "2")]),
            "TraceIdRatioBased(1.0)"
        );
        assert_eq!(named(&[(SAMPLER_ARG, "0.5")]), "ParentBased(TraceIdRatioBased(0.5))");
        let (env, told) = environment(&[(SAMPLER, "xray")]);
        assert_eq!(format!("{:?}", sampler(&env)), "ParentBased(AlwaysOn)");
        assert_eq!(
            *told.lock().unwrap(),
            [
                "OTEL_TRACES_SAMPLER is ignored: `xray` is not `always_on`, `always_off`, `traceidratio`, \
              or one of these behind `parentbased_`"
            ]
        );
    }

    #[test]
    fn limits_have_the_names_of_the_specification() {
        let limits = span_limits(&environment(&[]).0);
        assert_eq!((limits.max_attributes_per_span, limits.max_attributes_per_event), (128, 128));
        let (env, told) = environment(&[
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "3"),
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "4"),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "many"),
        ]);
        let limits = span_limits(&env);
        assert_eq!((limits.max_attributes_per_span, limits.max_events_per_span), (1, 2));
        assert_eq!((limits.max_links_per_span, limits.max_attributes_per_event), (3, 4));
        assert_eq!(limits.max_attributes_per_link, 128);
        let told = told.lock().unwrap();
        assert_eq!(*told, ["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT is ignored: `many` is not a number"]);
    }

    #[test]
    fn a_setter_wins_over_logfires_variable_and_that_over_opentelemetrys() {
        let resolved = |sampling: Sampling, variables| {
            let (env, told) = environment(variables);
            let sampler = sampling.resolve(&env).map(|(sampler, _)| format!("{sampler:?}"));
            (sampler.map_err(|error| error.to_string()), told.lock().unwrap().clone())
        };
        let all = &[(RATE, "0.25"), (SAMPLER, "always_off")];
        let by = |text: &str| Ok(format!("ParentBased({text})"));
        assert_eq!(resolved(Sampling::from(0.5), all).0, by("TraceIdRatioBased(0.5)"));
        assert_eq!(resolved(Sampling::from(1.0), all).0, by("AlwaysOn"));
        assert_eq!(resolved(Sampling::default(), all).0, by("TraceIdRatioBased(0.25)"));
        let (sampler, told) = resolved(Sampling::default(), &[(RATE, "2")]);
        assert_eq!(sampler, by("AlwaysOn"));
        assert_eq!(told, ["LOGFIRE_TRACE_SAMPLE_RATE is ignored: `2` is not a number from 0 to 1"]);
        for (sampling, reason) in [
            (Sampling::from(-0.1), "the head rate -0.1 is not a number from 0 to 1"),
            (Sampling::from(f64::NAN), "the head rate NaN is not a number from 0 to 1"),
            (
                Sampling::level_or_duration().background_rate(7.0),
                "the background rate 7 is not a number from 0 to 1",
            ),
            (
                Sampling::level_or_duration().background_rate(0.7).head(0.5),
                "the background rate 0.7 is above the head rate 0.5",
            ),
        ] {
            assert_eq!(resolved(sampling, &[]).0, Err(format!("sampling is invalid: {reason}")));
        }
    }
}
