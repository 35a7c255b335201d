//! What a request is meant to cost, and whether it does.

use std::fmt::Write as _;

use super::{
    peers::rounded,
    results::{Results, Row},
};

const OURS: &str = "**logfire-rs**";
const TRACE: &str = "**logfire-rs**, trace";
const METRICS: &str = "**logfire-rs**, metrics";
const TOWER_PEER: &str = "opentelemetry-instrumentation-tower, trace and metrics";
const ACTIX_PEER: &str = "opentelemetry-instrumentation-actix-web, trace and metrics";
const REQWEST_PEER: &str = "reqwest-tracing (0.32), trace";

/// A figure with its limit.
struct Goal {
    what: &'static str,
    limit: f64,
    unit: &'static str,
    measured: fn(&Results) -> Option<f64>,
    /// Shown if it is not met.
    reason: &'static str,
}

fn allocations(row: &Row) -> f64 {
    row.allocations
}

fn nanoseconds(row: &Row) -> f64 {
    row.times[0]
}

fn instructions(row: &Row) -> Option<f64> {
    row.instructions
}

fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    Some(ours? / theirs?)
}

fn difference(more: Option<f64>, less: Option<f64>) -> Option<f64> {
    Some(more? - less?)
}

const GOALS: &[Goal] = &[
    Goal {
        what: "axum, trace: allocations",
        limit: 10.0,
        unit: "",
        measured: |it| it.of("axum", "sampled", TRACE).map(allocations),
        reason: "",
    },
    Goal {
        what: "axum, trace: instructions",
        limit: 8_000.0,
        unit: "",
        measured: |it| it.of("axum", "sampled", TRACE).and_then(instructions),
        reason: "the walk over ten headers: 0.4 k; the context and `current_request()` are made current and put back for the answer and for its body: 0.5 k; the handle of the request for `current_request()`: 0.5 k; the mark against recording a request twice: 0.2 k; the global tracer boxes each span a second time: 0.1 k",
    },
    Goal {
        what: "axum, trace and both metrics: instructions",
        limit: 11_000.0,
        unit: "",
        measured: |it| it.of("axum", "sampled", OURS).and_then(instructions),
        reason: "the trace is over its goal by as much; one record of a histogram with 5 attributes, which the SDK hashes, is 2.4 k of it, and active requests take no record",
    },
    Goal {
        what: "axum, trace and both metrics: share of the cheapest peer's instructions",
        limit: 0.58,
        unit: "×",
        measured: |it| {
            let of = |name| it.of("axum", "sampled", name).and_then(instructions);
            ratio(of(OURS), of(TOWER_PEER))
        },
        reason: "as above; that peer sets 6 attributes, we 12, and it stops at the head of the response",
    },
    Goal {
        what: "axum, `bound-instruments`, trace and both metrics: instructions",
        limit: 8_800.0,
        unit: "",
        measured: |it| it.in_build("bound", "axum", "sampled", OURS).and_then(instructions),
        reason: "the trace alone is over it",
    },
    Goal {
        what: "axum, `bound-instruments`: share of the cheapest peer's instructions",
        limit: 0.46,
        unit: "×",
        measured: |it| {
            let ours = it.in_build("bound", "axum", "sampled", OURS).and_then(instructions);
            ratio(ours, it.of("axum", "sampled", TOWER_PEER).and_then(instructions))
        },
        reason: "the trace alone is over it",
    },
    Goal {
        what: "axum, trace, with `traceparent` and no propagator set: more instructions than without",
        limit: 500.0,
        unit: "",
        measured: |it| {
            let of = |configuration| it.of("axum", configuration, TRACE).and_then(instructions);
            difference(of("traceparent-alone"), of("sampled"))
        },
        reason: "its 55 bytes are checked and read, eight at once: 0.35 k; the context that holds the parent is an allocation of 0.2 k",
    },
    Goal {
        what: "axum, trace, with `traceparent` and the SDK's propagator: more instructions than without",
        limit: 500.0,
        unit: "",
        measured: |it| {
            let of = |configuration| it.of("axum", configuration, TRACE).and_then(instructions);
            difference(of("traceparent"), of("sampled"))
        },
        reason: "as above: ours, which reads in place, takes the place of the SDK's",
    },
    Goal {
        what: "axum, not sampled: share of the cheapest peer's time",
        limit: 0.35,
        unit: "×",
        measured: |it| {
            let of = |name| it.of("axum", "unsampled", name).map(nanoseconds);
            ratio(of(OURS), of(TOWER_PEER))
        },
        reason: "the record of the duration is 2.4 k of 10.6 k instructions, the attributes that a sampler may read are 1.3 k, the SDK's span that is not recorded 1.0 k, and the context is made current as for any other",
    },
    Goal {
        what: "axum, no SDK: nanoseconds above a layer that does nothing",
        limit: 100.0,
        unit: "ns",
        measured: |it| {
            let of = |name| it.of("axum", "no-sdk", name).map(nanoseconds);
            difference(of(OURS), of("a layer that does nothing"))
        },
        reason: "the caller's context is looked for among the headers (0.4 k), and whether an outer layer has recorded the request",
    },
    Goal {
        what: "axum, no SDK: allocations above a layer that does nothing",
        limit: 1.0,
        unit: "",
        measured: |it| {
            let of = |name| it.of("axum", "no-sdk", name).map(allocations);
            difference(of(OURS), of("a layer that does nothing"))
        },
        reason: "",
    },
    Goal {
        what: "axum, `bound-instruments`, metrics alone",
        limit: 300.0,
        unit: "ns",
        measured: |it| it.in_build("bound", "axum", "sampled", METRICS).map(nanoseconds),
        reason: "as the trace but for the span: `current_request()` can add attributes to metrics, so all that it stands on is there",
    },
    Goal {
        what: "tower, trace: allocations",
        limit: 6.0,
        unit: "",
        measured: |it| it.of("tower", "sampled", TRACE).map(allocations),
        reason: "",
    },
    Goal {
        what: "tower, trace: instructions",
        limit: 6_600.0,
        unit: "",
        measured: |it| it.of("tower", "sampled", TRACE).and_then(instructions),
        reason: "as with axum, and once more for the call; the mark takes 0.5 k, with 2 allocations for the request's extensions",
    },
    Goal {
        what: "hyper, trace: allocations",
        limit: 6.0,
        unit: "",
        measured: |it| it.of("hyper", "sampled", TRACE).map(allocations),
        reason: "handlers find the peer of the connection in the request's extensions, which is one more than with tower",
    },
    Goal {
        what: "hyper, trace: instructions",
        limit: 6_600.0,
        unit: "",
        measured: |it| it.of("hyper", "sampled", TRACE).and_then(instructions),
        reason: "as with tower, and the peer",
    },
    Goal {
        what: "actix-web, trace: allocations",
        limit: 7.0,
        unit: "",
        measured: |it| it.of("actix-web", "sampled", TRACE).map(allocations),
        reason: "as with axum; the box of the body is actix-web's",
    },
    Goal {
        what: "actix-web, trace and both metrics: share of its contrib peer's instructions",
        limit: 0.25,
        unit: "×",
        measured: |it| {
            let of = |name| it.of("actix-web", "sampled", name).and_then(instructions);
            ratio(of(OURS), of(ACTIX_PEER))
        },
        reason: "the trace and the record of the duration are as with axum; the likely route of a path that a thread has seen lately is remembered, that of another one takes 9.7 k more, which that peer takes twice for each",
    },
    Goal {
        what: "reqwest over loopback, trace: allocations",
        limit: 5.0,
        unit: "",
        measured: |it| it.of("client-loopback", "sampled", TRACE).map(allocations),
        reason: "one is the box of the global tracer",
    },
    Goal {
        what: "client layer, trace: share of reqwest-tracing's instructions",
        limit: 0.25,
        unit: "×",
        measured: |it| {
            let ours = it.of("client-tower", "sampled", TRACE).and_then(instructions);
            ratio(ours, it.of("client-stub", "sampled", REQWEST_PEER).and_then(instructions))
        },
        reason: "the SDK's span, which the global tracer boxes once more, and its attributes are 2.9 k, the trace header is 0.8 k, and 0.4 k make the request current where it is sent and where it is polled",
    },
    Goal {
        what: "client layer, trace and both metrics: share of reqwest-tracing's instructions",
        limit: 0.35,
        unit: "×",
        measured: |it| {
            let ours = it.of("client-tower", "sampled", OURS).and_then(instructions);
            ratio(ours, it.of("client-stub", "sampled", REQWEST_PEER).and_then(instructions))
        },
        reason: "as above; one record of the duration with 5 attributes is 2.4 k more",
    },
    Goal {
        what: "axum, trace: two headers captured",
        limit: 150.0,
        unit: "ns",
        measured: |it| {
            let of = |name| it.of("axum", "sampled", name).map(nanoseconds);
            difference(of("**logfire-rs**, trace, two headers captured"), of(TRACE))
        },
        reason: "each header is looked up by its name, and is an array of strings: two allocations",
    },
    Goal {
        what: "axum, `#[endpoint]` with two arguments",
        limit: 1_500.0,
        unit: "ns",
        measured: |it| it.of("axum-endpoint", "sampled", ENDPOINT).map(nanoseconds),
        reason: "values, their schema, four times and the place of the code are attributes of the span",
    },
    Goal {
        what: "axum, `#[endpoint]` with two arguments, not sampled",
        limit: 60.0,
        unit: "ns",
        measured: |it| it.of("axum-endpoint", "unsampled", ENDPOINT).map(nanoseconds),
        reason: "each argument and the call ask the current request whether it is recorded, and the handler's future has room for a record: 0.6 k instructions",
    },
    Goal {
        what: "1,000 routes: more instructions than with one",
        limit: 200.0,
        unit: "",
        measured: |it| {
            let of = |front_end| it.of(front_end, "sampled", OURS).and_then(instructions);
            difference(of("axum-routes-1000"), of("axum-routes-1"))
        },
        reason: "the attributes of 4,096 series are kept, of 512 with `bound-instruments`; those of more are made anew for each request, most of which is malloc; their names are found again as the first is",
    },
    Goal {
        what: "16 requests at once: more instructions for each than with one",
        limit: 200.0,
        unit: "",
        measured: |it| {
            let of = |front_end| it.of(front_end, "sampled", OURS).and_then(instructions);
            difference(of("axum-at-once-16"), of("axum-at-once-1"))
        },
        reason: "all of it is in the malloc of glibc, which keeps 7 free blocks of a size at hand for a thread; the instrumentation takes as many as before, and with another allocator, in the next line, it costs no more",
    },
    Goal {
        what: "16 requests at once, the same with the allocator mimalloc",
        limit: 200.0,
        unit: "",
        measured: |it| {
            let of = |front_end| {
                it.in_build("mimalloc", front_end, "sampled", OURS).and_then(instructions)
            };
            difference(of("axum-at-once-16"), of("axum-at-once-1"))
        },
        reason: "",
    },
];

const ENDPOINT: &str = "**logfire-rs**, trace, the same with `#[endpoint]`";

/// A line for each goal.
pub(super) fn render(results: &Results) -> String {
    let mut text =
        "| figure, over the bare service | goal | measured | met |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for goal in GOALS {
        let Goal { what, limit, unit, reason, .. } = goal;
        let (measured, met) = match (goal.measured)(results) {
            Some(value) if value <= *limit => (shown(value, unit), "yes".to_owned()),
            Some(value) if reason.is_empty() => (shown(value, unit), "**no**".to_owned()),
            Some(value) => (shown(value, unit), format!("**no**: {reason}")),
            None => ("not measured".to_owned(), String::new()),
        };
        // As it is set, with no digit more.
        let limit = if *unit == "×" { format!("{limit} ×") } else { shown(*limit, unit) };
        let _ = writeln!(text, "| {what} | ≤ {limit} | {measured} | {met} |");
    }
    text
}

fn shown(value: f64, unit: &str) -> String {
    match unit {
        "×" => format!("{value:.3} ×"),
        "" => rounded(value),
        _ => format!("{} {unit}", rounded(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::results::testing::row, *};

    #[test]
    fn a_goal_is_met_or_not() {
        let results = Results(vec![
            row(["default", "axum", "sampled", TRACE], 7_999.0),
            row(["default", "axum", "sampled", OURS], 12_000.0),
            row(["default", "axum", "sampled", TOWER_PEER], 18_000.0),
        ]);
        let text = render(&results);
        assert!(text.contains("| axum, trace: instructions | ≤ 8,000 | 7,999 | yes |\n"), "{text}");
        assert!(text.contains("peer's instructions | ≤ 0.58 × | 0.667 × | **no**"), "{text}");
        assert!(text.contains("| tower, trace: allocations | ≤ 6 | not measured |  |\n"), "{text}");
    }
}
