//! Trace context and baggage, into and out of headers.

mod w3c;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, global};

pub(crate) use self::w3c::traceparent;
use crate::diagnostics;
use crate::headers::{
    self, BAGGAGE, CommonHeaders, Headers, OutgoingHeaders, TRACEPARENT, TRACESTATE,
};

/// How the context of a request is read and written.
#[derive(Clone, Default)]
pub(crate) enum Propagation {
    /// W3C trace context and baggage, read in place: what is used where nothing else is set, and
    /// in the place of the SDK's propagators for them.
    #[default]
    W3c,
    /// W3C trace context alone, read in place.
    TraceContext,
    /// The global propagator, and the fields that it reads.
    Global(Vec<String>),
    /// The propagator of the options.
    Own(Arc<dyn TextMapPropagator + Send + Sync>),
}

impl fmt::Debug for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::W3c => "W3c",
            Self::TraceContext => "TraceContext",
            Self::Global(_) => "Global",
            Self::Own(_) => "Own",
        })
    }
}

impl Propagation {
    /// The propagator of the options, else the global one, else W3C.
    pub(crate) fn resolve(own: Option<&Arc<dyn TextMapPropagator + Send + Sync>>) -> Self {
        if let Some(own) = own {
            return Self::known(&**own).unwrap_or_else(|| Self::Own(Arc::clone(own)));
        }
        global::get_text_map_propagator(|it| {
            let fields: Vec<String> = it.fields().map(str::to_ascii_lowercase).collect();
            let same = if fields.is_empty() { Some(Self::W3c) } else { Self::known(it) };
            same.unwrap_or(Self::Global(fields))
        })
    }

    /// Our own way to do what `propagator` does, if it is one of the SDK's, or both of them.
    ///
    /// They take four times as long. A propagator cannot be asked for its type, but it can be
    /// printed, and one without a state prints all that it is. One that prints something else, in
    /// a later version too, is called as ever.
    fn known(propagator: &dyn TextMapPropagator) -> Option<Self> {
        const TRACE_CONTEXT: &str = "TraceContextPropagator { _private: () }";
        const BAGGAGE: &str = "BaggagePropagator { _private: () }";
        let printed = diagnostics::guarded("propagator", || format!("{propagator:?}"))?;
        let parts = printed.strip_prefix("TextMapCompositePropagator { propagators: [");
        let parts = parts.and_then(|it| it.split_once(']')).map_or(&*printed, |it| it.0);
        match parts.split_once(", ") {
            None if parts == TRACE_CONTEXT => Some(Self::TraceContext),
            Some((TRACE_CONTEXT, BAGGAGE) | (BAGGAGE, TRACE_CONTEXT)) => Some(Self::W3c),
            _ => None,
        }
    }

    /// `current` with what the headers carry; `None` if they carry nothing.
    #[inline]
    pub(crate) fn extract(
        &self,
        headers: &dyn Headers,
        common: &CommonHeaders<'_>,
        current: &Context,
    ) -> Option<Context> {
        match self {
            Self::W3c => w3c::extract(headers, common, current, true),
            Self::TraceContext => w3c::extract(headers, common, current, false),
            Self::Global(fields) => {
                fields.iter().find(|it| headers.first(it).is_some())?;
                let carrier = Carrier::new(headers);
                Some(global::get_text_map_propagator(|it| {
                    it.extract_with_context(current, &carrier)
                }))
            }
            Self::Own(own) => Some(own.extract_with_context(current, &Carrier::new(headers))),
        }
    }

    /// Writes `context` into the headers of a request, in the place of what is there.
    #[inline]
    pub(crate) fn inject(&self, context: &Context, headers: &mut dyn OutgoingHeaders) {
        match self {
            Self::W3c => w3c::inject(context, headers, true),
            Self::TraceContext => w3c::inject(context, headers, false),
            Self::Global(_) => global::get_text_map_propagator(|it| {
                it.inject_context(context, &mut NotEmpty(headers));
            }),
            Self::Own(own) => own.inject_context(context, &mut NotEmpty(headers)),
        }
    }
}

/// `context` for the work of a request that is not recorded: children of it are not sampled.
///
/// Under a parent-based sampler they are dropped, `traceparent` goes out with `-00`, and logs of
/// the request share one trace id. Without a caller both ids are made up: an invalid parent would
/// give each child a trace of its own.
pub(crate) fn unsampled(context: &Context) -> Context {
    let span = context.span();
    let parent = span.span_context();
    let unsampled = if parent.is_valid() {
        SpanContext::new(
            parent.trace_id(),
            parent.span_id(),
            parent.trace_flags().with_sampled(false),
            parent.is_remote(),
            parent.trace_state().clone(),
        )
    } else {
        let [a, b, c] = std::array::from_fn(|_| RandomState::new().build_hasher().finish() | 1);
        let trace_id = TraceId::from(u128::from(a) << 64 | u128::from(b));
        SpanContext::new(trace_id, SpanId::from(c), TraceFlags::default(), false, TraceState::NONE)
    };
    context.with_remote_span_context(unsampled)
}

/// The headers as OpenTelemetry's propagators want to see them.
///
/// They read only the first line of a header; W3C wants several lines of `traceparent` to be
/// invalid and those of the two lists to be joined.
struct Carrier<'a> {
    headers: &'a dyn Headers,
    traceparent: Option<&'a str>,
    tracestate: Option<Cow<'a, str>>,
    baggage: Option<Cow<'a, str>>,
    keys: OnceCell<Vec<String>>,
}

impl<'a> Carrier<'a> {
    fn new(headers: &'a dyn Headers) -> Self {
        Self {
            headers,
            traceparent: headers::only(headers, TRACEPARENT),
            tracestate: headers::joined(headers, TRACESTATE),
            baggage: headers::joined(headers, BAGGAGE),
            keys: OnceCell::new(),
        }
    }
}

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => self.traceparent,
            TRACESTATE => self.tracestate.as_deref(),
            BAGGAGE => self.baggage.as_deref(),
            _ => self.headers.first(&key.to_ascii_lowercase())?.as_str(),
        }
    }

    fn keys(&self) -> Vec<&str> {
        let keys = self.keys.get_or_init(|| {
            let mut keys = Vec::new();
            self.headers.each_pair(&mut |name, _| keys.push(name.to_ascii_lowercase()));
            keys
        });
        keys.iter().map(String::as_str).collect()
    }
}

/// OpenTelemetry's propagator writes an empty `tracestate`.
struct NotEmpty<'a>(&'a mut dyn Injector);

impl Injector for NotEmpty<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::baggage::BaggageExt as _;
    use opentelemetry::propagation::TextMapCompositePropagator;
    use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

    use super::*;
    use crate::headers::tests::Lines;

    const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn extract(propagation: &Propagation, lines: &[(&str, &[u8])]) -> Option<Context> {
        let headers = Lines(lines);
        propagation.extract(&headers, &headers.common(), &Context::new())
    }

    fn composite() -> TextMapCompositePropagator {
        TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ])
    }

    fn sdk() -> Propagation {
        Propagation::Own(Arc::new(composite()))
    }

    #[test]
    fn propagators_of_the_sdk_are_known_and_others_are_called() {
        #[derive(Debug)]
        struct Wrapper(TraceContextPropagator);

        impl TextMapPropagator for Wrapper {
            fn inject_context(&self, _: &Context, _: &mut dyn Injector) {}
            fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
                context.clone()
            }
            fn fields(&self) -> opentelemetry::propagation::text_map_propagator::FieldIter<'_> {
                opentelemetry::propagation::text_map_propagator::FieldIter::new(&[])
            }
        }

        type Boxed = Box<dyn TextMapPropagator + Send + Sync>;
        let trace_context = || -> Boxed { Box::new(TraceContextPropagator::new()) };
        let baggage = || -> Boxed { Box::new(BaggagePropagator::new()) };
        let wrapper = || -> Boxed { Box::new(Wrapper(TraceContextPropagator::new())) };
        let several = |parts| -> Boxed { Box::new(TextMapCompositePropagator::new(parts)) };
        for (propagator, expected) in [
            (trace_context(), "TraceContext"),
            (baggage(), "Own"),
            (wrapper(), "Own"),
            (several(vec![trace_context()]), "TraceContext"),
            (several(vec![trace_context(), baggage()]), "W3c"),
            (several(vec![baggage(), trace_context()]), "W3c"),
            (several(vec![trace_context(), wrapper()]), "Own"),
            (several(vec![trace_context(), baggage(), wrapper()]), "Own"),
            (several(vec![]), "Own"),
        ] {
            let propagation = Propagation::resolve(Some(&Arc::from(propagator)));
            assert_eq!(format!("{propagation:?}"), expected);
        }
    }

    #[test]
    fn trace_context_alone_leaves_baggage_alone() {
        let headers = [("traceparent", PARENT), ("baggage", b"k=v".as_slice())];
        let context = extract(&Propagation::TraceContext, &headers).unwrap();
        assert!(context.baggage().is_empty());
        let context = extract(&Propagation::W3c, &headers).unwrap();
        let mut written = HashMap::new();
        Propagation::TraceContext.inject(&context, &mut written);
        assert_eq!(written.keys().collect::<Vec<_>>(), ["traceparent"]);
    }

    #[test]
    fn several_lines_are_read_as_w3c_says_by_any_propagator() {
        for propagation in [Propagation::W3c, sdk()] {
            let read = |lines: &[(&str, &[u8])]| {
                let context = extract(&propagation, lines).unwrap_or_default();
                let span = context.span();
                let parent = span.span_context();
                let mut baggage: Vec<_> = context
                    .baggage()
                    .iter()
                    .map(|(key, (value, _))| format!("{key}={value}"))
                    .collect();
                baggage.sort();
                (parent.is_valid(), parent.trace_state().header(), baggage.join(","))
            };
            assert_eq!(
                read(&[
                    ("traceparent", PARENT),
                    ("tracestate", b"a=b"),
                    ("Tracestate", b"c=d"),
                    ("baggage", b"k=v%20w"),
                    ("baggage", b"l=x=y;p=q"),
                ]),
                (
                    true,
                    "a=b,c=d".to_owned(),
                    // The SDK cuts a value at a second `=`.
                    match propagation {
                        Propagation::W3c => "k=v w,l=x=y".to_owned(),
                        _ => "k=v w,l=x".to_owned(),
                    },
                ),
            );
            assert!(!read(&[("traceparent", PARENT), ("traceparent", PARENT)]).0);
            assert!(!read(&[("traceparent", b"\xff")]).0);
        }
    }

    #[test]
    fn nothing_empty_is_written() {
        for propagation in [Propagation::W3c, sdk()] {
            let context = extract(&propagation, &[("traceparent", PARENT)]).unwrap();
            let mut headers = HashMap::new();
            propagation.inject(&context, &mut headers);
            let parent = String::from_utf8(PARENT.to_vec()).unwrap();
            assert_eq!(headers, HashMap::from([("traceparent".to_owned(), parent)]));
        }
    }

    #[test]
    fn an_unsampled_context_keeps_the_trace_or_makes_one_up() {
        let remote = extract(&Propagation::W3c, &[("traceparent", PARENT)]).unwrap();
        let kept = unsampled(&remote);
        assert_eq!(kept.span().span_context().trace_id(), remote.span().span_context().trace_id());
        assert!(!kept.span().span_context().is_sampled());
        let made_up = unsampled(&Context::new());
        assert!(made_up.span().span_context().is_valid());
        assert_ne!(
            made_up.span().span_context().trace_id(),
            unsampled(&Context::new()).span().span_context().trace_id()
        );
    }
}
