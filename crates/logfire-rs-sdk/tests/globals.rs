//! The one test that sets globals, in a process of its own.

use std::collections::HashMap;

use logfire_rs_sdk::{
    configure,
    opentelemetry::{
        Context, global,
        trace::{TraceContextExt, Tracer},
    },
    opentelemetry_sdk::trace::{Sampler, SdkTracerProvider},
};

#[test]
fn finish_sets_the_globals_once() {
    let configuration = || configure().env_lookup(|_| None).console(false);
    let error = configuration().base_url("nonsense").finish().map(drop).unwrap_err();
    assert!(error.to_string().starts_with("base_url is invalid"), "a failure leaves no trace");

    // Those of somebody else are replaced.
    let others = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build();
    global::set_tracer_provider(others);
    let logfire = configuration().finish().unwrap();
    let error = configuration().finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "logfire is configured already: call `finish` once per process, or add `local()` for one without globals"
    );
    configuration().local().finish().unwrap().shutdown().unwrap();

    let cx = Context::new().with_span(global::tracer("test").start("work"));
    assert!(cx.span().span_context().is_sampled());
    let mut headers = HashMap::new();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&cx, &mut headers);
        let mut fields: Vec<_> = propagator.fields().collect();
        fields.sort_unstable();
        assert_eq!(fields, ["baggage", "traceparent", "tracestate"]);
    });
    assert!(headers["traceparent"].ends_with("-01"), "{headers:?}");
    #[cfg(feature = "tracing")]
    assert!(tracing::dispatcher::has_been_set());
    logfire.shutdown().unwrap();
}
