//! How trace context and baggage go from service to service.

use std::{fmt, sync::Arc};

use opentelemetry::{
    Context,
    baggage::{BaggageExt, KeyValueMetadata},
    propagation::{
        Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
        text_map_propagator::FieldIter,
    },
};
use opentelemetry_propagator_b3::{B3Encoding, Propagator as B3};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::environment::Environment;

const VARIABLE: &str = "OTEL_PROPAGATORS";

type Part = Box<dyn TextMapPropagator + Send + Sync>;

/// The propagator of a configuration: see [`Logfire::propagator`](crate::Logfire::propagator).
///
/// ```
/// use std::collections::HashMap;
/// use logfire_rs_sdk::{Propagator, configure, opentelemetry::{Context, propagation::TextMapPropagator}};
///
/// # let configure = || configure().local().env_lookup(|_| None).console(false);
/// let logfire = configure().finish()?;
/// let propagator: Propagator = logfire.propagator();
/// propagator.inject_context(&Context::new(), &mut HashMap::new());
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone)]
pub struct Propagator {
    parts: Arc<TextMapCompositePropagator>,
    /// Otherwise the spans of callers are left alone, and their baggage is taken.
    accepts_callers: bool,
    fields: Arc<[String]>,
}

/// A field that no header has.
///
/// The instrumentation takes W3C trace context where the global propagator knows no field: that is how one that was
/// never set looks.
const NO_FIELD: &str = "logfire-no-propagation";

impl Propagator {
    /// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration>
    pub(crate) fn resolve(accepts_callers: bool, env: &Environment) -> Self {
        let parts = named(env).unwrap_or_else(|| vec![trace_context(), baggage()]);
        let mut fields: Vec<_> =
            parts.iter().flat_map(|part| part.fields()).map(str::to_owned).collect();
        fields.dedup();
        if fields.is_empty() {
            fields.push(NO_FIELD.to_owned());
        }
        let parts = Arc::new(TextMapCompositePropagator::new(parts));
        Self { parts, accepts_callers, fields: fields.into() }
    }
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        self.parts.inject_context(cx, &mut Declared { injector, fields: &self.fields });
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let extracted = self.parts.extract_with_context(cx, extractor);
        if self.accepts_callers {
            return extracted;
        }
        let entries = extracted.baggage().iter().map(|(key, (value, metadata))| {
            KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
        });
        cx.with_baggage(entries)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// Takes the headers that a propagator says that it writes: that of B3 writes both of its forms for the single one.
struct Declared<'a> {
    injector: &'a mut dyn Injector,
    fields: &'a [String],
}

impl Injector for Declared<'_> {
    fn set(&mut self, key: &str, value: String) {
        if self.fields.iter().any(|field| field == key) {
            self.injector.set(key, value);
        }
    }
}

impl fmt::Debug for Propagator {
    /// As the SDK's own composite, if it does what that does: the instrumentation knows that one by what it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.accepts_callers {
            return self.parts.fmt(f);
        }
        f.debug_struct("Propagator")
            .field("fields", &self.fields)
            .field("accepts_callers", &self.accepts_callers)
            .finish_non_exhaustive()
    }
}

/// What the variable names; nothing if that is nothing that is known.
fn named(env: &Environment) -> Option<Vec<Part>> {
    let text = env.text(&[VARIABLE])?;
    let mut names: Vec<_> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    names.dedup();
    if matches!(names[..], [name] if name.eq_ignore_ascii_case("none")) {
        return Some(Vec::new());
    }
    let parts: Vec<_> = names.into_iter().filter_map(|name| part(name, env)).collect();
    (!parts.is_empty()).then_some(parts)
}

fn part(name: &str, env: &Environment) -> Option<Part> {
    match name.to_ascii_lowercase().as_str() {
        "tracecontext" => Some(trace_context()),
        "baggage" => Some(baggage()),
        "b3" => Some(Box::new(B3::with_encoding(B3Encoding::SingleHeader))),
        "b3multi" => Some(Box::new(B3::with_encoding(B3Encoding::MultipleHeader))),
        _ => {
            env.warn(&format_args!(
                "`{name}` in {VARIABLE} is ignored: supported are `tracecontext`, `baggage`, `b3`, `b3multi`, and `none` alone"
            ));
            None
        }
    }
}

/// <https://www.w3.org/TR/trace-context/>
fn trace_context() -> Part {
    Box::new(TraceContextPropagator::new())
}

/// <https://www.w3.org/TR/baggage/>
fn baggage() -> Part {
    Box::new(BaggagePropagator::new())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };

    use super::*;
    use crate::environment::tests::environment;

    type Headers = HashMap<String, String>;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_instrumentation_knows_the_default_by_what_it_prints() {
        let (env, _) = environment(&[]);
        let printed = |accepts| format!("{:?}", Propagator::resolve(accepts, &env));
        let known = "TextMapCompositePropagator { propagators: [TraceContextPropagator { _private: () }, \
                     BaggagePropagator { _private: () }]";
        assert!(printed(true).starts_with(known), "{}", printed(true));
        assert!(!printed(false).starts_with(known), "{}", printed(false));
    }

    /// The names of the headers that a call carries, sorted, and the warnings.
    fn injected(value: &'static str) -> (String, Vec<String>) {
        let variables: &'static [_] = Box::leak(Box::new([(VARIABLE, value)]));
        let (env, told) = environment(variables);
        let propagator = Propagator::resolve(true, &env);
        let span = SpanContext::new(
            TraceId::from(1),
            SpanId::from(2),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let cx = Context::new().with_remote_span_context(span);
        let cx = cx.with_baggage([opentelemetry::KeyValue::new("k", "v")]);
        let mut carrier = Headers::new();
        propagator.inject_context(&cx, &mut carrier);
        let mut names: Vec<_> =
            carrier.into_iter().filter(|(_, value)| !value.is_empty()).map(|it| it.0).collect();
        names.sort();
        let told = told.lock().unwrap().clone();
        (names.join(" "), told)
    }

    #[test]
    fn propagators_have_the_names_of_the_specification() {
        for (value, names) in [
            ("", "baggage traceparent"),
            ("tracecontext", "traceparent"),
            (" baggage , ,tracecontext", "baggage traceparent"),
            ("b3", "b3"),
            ("b3multi", "x-b3-sampled x-b3-spanid x-b3-traceid"),
            ("b3,tracecontext", "b3 traceparent"),
            ("TraceContext,B3Multi", "traceparent x-b3-sampled x-b3-spanid x-b3-traceid"),
            ("none", ""),
            ("None", ""),
        ] {
            assert_eq!(injected(value), (names.to_owned(), Vec::new()), "{value}");
        }
    }

    #[test]
    fn what_is_not_supported_is_told_once_and_left_out() {
        let warning = "`jaeger` in OTEL_PROPAGATORS is ignored: supported are `tracecontext`, `baggage`, `b3`, \
                       `b3multi`, and `none` alone";
        assert_eq!(injected("jaeger,baggage"), ("baggage".to_owned(), vec![warning.to_owned()]));
        assert_eq!(
            injected("jaeger"),
            ("baggage traceparent".to_owned(), vec![warning.to_owned()])
        );
    }

    #[test]
    fn a_caller_is_read_in_each_form() {
        let (env, _) = environment(&[(VARIABLE, "b3,b3multi,tracecontext")]);
        let propagator = Propagator::resolve(true, &env);
        let trace = "0af7651916cd43dd8448eb211c80319c";
        for carrier in [
            headers(&[("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"))]),
            headers(&[("b3", &format!("{trace}-b7ad6b7169203331-1"))]),
            headers(&[
                ("x-b3-traceid", trace),
                ("x-b3-spanid", "b7ad6b7169203331"),
                ("x-b3-sampled", "1"),
            ]),
        ] {
            let cx = propagator.extract_with_context(&Context::new(), &carrier);
            let span = cx.span().span_context().clone();
            assert_eq!((span.trace_id().to_string(), span.is_sampled()), (trace.to_owned(), true));
        }
    }

    #[test]
    fn without_distributed_tracing_only_baggage_is_taken() {
        let (env, _) = environment(&[]);
        let propagator = Propagator::resolve(false, &env);
        let carrier = headers(&[
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("baggage", "k=v"),
        ]);
        let cx = propagator.extract_with_context(&Context::new(), &carrier);
        assert!(!cx.span().span_context().is_valid());
        assert_eq!(cx.baggage().get("k").map(ToString::to_string).as_deref(), Some("v"));
    }

    #[test]
    fn none_is_not_taken_for_unset() {
        let (env, _) = environment(&[(VARIABLE, "none")]);
        assert_eq!(Propagator::resolve(true, &env).fields().collect::<Vec<_>>(), [NO_FIELD]);
    }
}
