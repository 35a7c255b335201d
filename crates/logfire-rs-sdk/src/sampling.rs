//! Sampling and span limits, as the OpenTelemetry SDK reads them, but from our [`Environment`].

use opentelemetry_sdk::trace::{Sampler, SpanLimits};

use crate::environment::Environment;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration>
pub(crate) fn sampler(env: &Environment) -> Sampler {
    let ratio = || {
        let parse = |text: &str| text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        let ratio = env.parsed(&[SAMPLER_ARG], "a number from 0 to 1", parse);
        Sampler::TraceIdRatioBased(ratio.unwrap_or(1.0))
    };
    let by_parent = |root: Sampler| Sampler::ParentBased(Box::new(root));
    let parse = |text: &str| match text {
        "always_on" => Some(Sampler::AlwaysOn),
        "always_off" => Some(Sampler::AlwaysOff),
        "traceidratio" => Some(ratio()),
        "parentbased_always_on" => Some(by_parent(Sampler::AlwaysOn)),
        "parentbased_always_off" => Some(by_parent(Sampler::AlwaysOff)),
        "parentbased_traceidratio" => Some(by_parent(ratio())),
        _ => None,
    };
    env.parsed(&[SAMPLER], "a known sampler", parse).unwrap_or_else(|| by_parent(Sampler::AlwaysOn))
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
        ..default
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
        assert_eq!(
            named(&[(SAMPLER, "parentbased_traceidratio"), (SAMPLER_ARG, "0.25")]),
            "ParentBased(TraceIdRatioBased(0.25))"
        );
        assert_eq!(
            named(&[(SAMPLER, "traceidratio"), (SAMPLER_ARG, "2")]),
            "TraceIdRatioBased(1.0)"
        );
        let (env, told) = environment(&[(SAMPLER, "xray")]);
        assert_eq!(format!("{:?}", sampler(&env)), "ParentBased(AlwaysOn)");
        assert_eq!(
            *told.lock().unwrap(),
            ["OTEL_TRACES_SAMPLER is ignored: `xray` is not a known sampler"]
        );
    }
}
