//! What a request remembers of its endpoint until its span ends.

use std::any::TypeId;
use std::time::SystemTime;

use opentelemetry::{Context, KeyValue};
use serde_json::{Value, json};

use super::extraction::limits;
use super::secret_names::is_secret;
use super::{
    Argument, ArgumentError, Captured, Endpoint, EndpointArguments, EndpointInfo, EndpointKeys,
    EndpointLimits, Framework, clock, json as text, no_key,
};
use crate::attributes::{self as names, attribute};
use crate::current::recorded_request;
use crate::diagnostics;
use crate::request_span::RequestSpan;

/// The record of one endpoint.
#[derive(Debug)]
pub(crate) struct Record {
    /// The endpoint, unless the request was rejected before one was found.
    endpoint: Option<(TypeId, &'static EndpointInfo)>,
    phase: Phase,
    keys: &'static EndpointKeys,
    /// How many arguments are there.
    extracted: usize,
    arguments: Option<Interval>,
    function: Option<Interval>,
    values: Vec<(&'static str, String)>,
    error: Option<Value>,
    /// The span of the arguments, if it has one.
    pub(super) span: Option<Context>,
    /// What the application left of values and error, once there are no more to come.
    published: Option<Vec<KeyValue>>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Arguments,
    Called,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    start: SystemTime,
    end: Option<SystemTime>,
}

impl Interval {
    fn now() -> Self {
        Self { start: clock::now(), end: None }
    }
}

impl Record {
    fn new<E: Endpoint>() -> Self {
        Self {
            endpoint: Some((TypeId::of::<E>(), E::INFO)),
            values: Vec::with_capacity(E::INFO.arguments.len()),
            ..Self::of::<E::Framework>()
        }
    }

    fn of<F: Framework>() -> Self {
        Self {
            endpoint: None,
            phase: Phase::Arguments,
            keys: F::KEYS,
            extracted: 0,
            arguments: None,
            function: None,
            values: Vec::new(),
            error: None,
            span: None,
            published: None,
        }
    }

    /// Notes that an argument of `E` is looked for.
    pub(super) fn begin_argument<E: Endpoint>(slot: &mut Option<Box<Self>>) -> Option<&mut Self> {
        let record = Self::claim::<E>(slot)?;
        record.arguments.get_or_insert_with(Interval::now);
        Some(record)
    }

    /// Notes that `E` is about to be called.
    pub(super) fn claim_call<E: Endpoint>(slot: &mut Option<Box<Self>>) -> Option<()> {
        Self::claim::<E>(slot)?.phase = Phase::Called;
        Some(())
    }

    /// The record of `E`: the one that was begun, or a new one, if the last is over, as warp goes on
    /// to another handler after one that rejects. None while another endpoint runs: it has called
    /// this one.
    fn claim<E: Endpoint>(slot: &mut Option<Box<Self>>) -> Option<&mut Self> {
        let phase = slot
            .as_ref()
            .map(|it| (it.phase, it.endpoint.is_some_and(|it| it.0 == TypeId::of::<E>())));
        match phase {
            Some((Phase::Called, _)) => return None,
            Some((Phase::Arguments, true)) => {}
            _ => *slot = Some(Box::new(Self::new::<E>())),
        }
        slot.as_deref_mut()
    }

    pub(super) fn begin_function(&mut self) {
        self.function = Some(Interval::now());
    }

    /// Notes that one more argument is there; the time is that of the last one.
    pub(super) fn end_argument(&mut self) {
        self.extracted += 1;
        if self.endpoint.is_none_or(|it| self.extracted >= it.1.arguments.len()) {
            self.end_arguments();
        }
    }

    fn end_arguments(&mut self) {
        if let Some(arguments) = &mut self.arguments {
            arguments.end = Some(clock::now());
        }
    }

    pub(super) fn end_function(&mut self) {
        if let Some(function) = &mut self.function {
            function.end = Some(clock::now());
        }
        self.phase = Phase::Over;
    }

    /// Notes that there are no more arguments to come, nor a call.
    pub(super) fn give_up(&mut self) {
        self.end_arguments();
        self.phase = Phase::Over;
    }

    /// Keeps what became of `argument`.
    pub(super) fn keep(&mut self, argument: &Argument, captured: Captured, limits: EndpointLimits) {
        let name = argument.name;
        match captured {
            Captured::Nothing => {}
            Captured::Value(_) if is_secret(name) => {
                self.values.push((name, text::MASK.to_owned()));
            }
            Captured::Value(value) => self.values.push((name, value)),
            Captured::Error(error) => self.reject(argument, &error, limits),
        }
    }

    /// Keeps the first error.
    fn reject(&mut self, argument: &Argument, error: &ArgumentError, limits: EndpointLimits) {
        if self.error.is_none() {
            self.error = Some(error.to_json(argument, limits));
        }
    }

    /// The attributes of the request's span.
    pub(crate) fn into_attributes(self) -> Vec<KeyValue> {
        let mut attributes = self.published.unwrap_or_default();
        if let Some((_, info)) = self.endpoint {
            attributes.extend(code(info));
        }
        let keys = self.keys;
        for (interval, start, end) in [
            (self.arguments, keys.arguments_start, keys.arguments_end),
            (self.function, keys.function_start, keys.function_end),
        ] {
            let Some(interval) = interval else { continue };
            attributes.push(KeyValue::new(start, clock::timestamp(interval.start)));
            if let Some(time) = interval.end {
                attributes.push(KeyValue::new(end, clock::timestamp(time)));
            }
        }
        attributes
    }

    pub(super) fn arguments_span(&self) -> &'static str {
        self.keys.arguments
    }
}

/// Records that the current request was rejected before any endpoint was called: for frameworks whose
/// handlers get their arguments from elsewhere. One that was called has said more.
pub fn record_rejection<F: Framework>(error: ArgumentError) {
    const UNNAMED: Argument =
        Argument { name: "", capture: Captured::nothing, wrong_key: no_key, is_skipped: false };

    let Some(request) = recorded_request() else { return };
    let body = request.0.notes().take_body();
    let error = error.found_in(None, body.as_deref(), no_key);
    let mut notes = request.0.notes();
    if notes.endpoint.is_none() {
        let mut record = Record::of::<F>();
        record.reject(&UNNAMED, &error, limits(&request));
        record.phase = Phase::Over;
        notes.endpoint = Some(Box::new(record));
        drop(notes);
        publish(&request);
    }
}

/// Decides what is recorded of the arguments: there are no more to come.
///
/// The application's mapper runs without the lock.
pub(super) fn publish(request: &RequestSpan) {
    let mapper =
        request.0.server.as_ref().and_then(|it| it.options().request_attributes_mapper.clone());
    let limits = limits(request);
    let (keys, values, error, span) = {
        let mut notes = request.0.notes();
        let Some(record) = notes.endpoint.as_deref_mut() else { return };
        if record.published.is_some() {
            return;
        }
        let values = std::mem::take(&mut record.values);
        (record.keys, values, record.error.clone(), record.span.take())
    };
    let (values, errors, extra) = match mapper {
        None => (object(&values), error.map(|it| json!([it]).to_string()), Vec::new()),
        Some(mapper) => {
            let values = values.into_iter().filter_map(|(name, value)| {
                Some((name.to_owned(), serde_json::from_str(&value).ok()?))
            });
            let arguments = EndpointArguments {
                values: values.collect(),
                errors: error.into_iter().collect(),
                extra: Vec::new(),
            };
            let mapped =
                diagnostics::guarded("request_attributes_mapper", || mapper(request, arguments));
            let EndpointArguments { values, errors, extra } = mapped.unwrap_or_default();
            let values: Vec<_> = values
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), text::unmasked(value, limits)?)))
                .collect();
            let errors = (!errors.is_empty()).then(|| text::unmasked(&errors.into(), limits));
            (object(&values), errors.flatten(), extra)
        }
    };
    let schema = match (&values, &errors) {
        (Some(_), Some(_)) => Some(keys.both_schema),
        (Some(_), None) => Some(keys.values_schema),
        (None, Some(_)) => Some(keys.errors_schema),
        (None, None) => None,
    };
    // With room for the code and the times, which come last.
    let mut attributes = Vec::with_capacity(10 + extra.len());
    attributes.extend(values.map(|it| KeyValue::new(keys.values, it)));
    attributes.extend(errors.map(|it| KeyValue::new(keys.errors, it)));
    attributes.extend(schema.map(|it| attribute(names::LOGFIRE_JSON_SCHEMA, it)));
    attributes.extend(extra);
    if let Some(span) = span {
        super::extraction::end_span(&span, &attributes);
    }
    if let Some(record) = request.0.notes().endpoint.as_deref_mut() {
        record.published = Some(attributes);
    }
}

/// Where the code of an endpoint is.
pub(super) fn code(info: &EndpointInfo) -> [KeyValue; 3] {
    [
        attribute(names::CODE_FUNCTION_NAME, info.name),
        attribute(names::CODE_FILE_PATH, info.file),
        attribute(names::CODE_LINE_NUMBER, i64::from(info.line)),
    ]
}

fn object(values: &[(&str, String)]) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    let length: usize = values.iter().map(|it| it.0.len() + it.1.len() + 4).sum();
    let mut object = String::with_capacity(length + 1);
    for (name, value) in values {
        object.push(if object.is_empty() { '{' } else { ',' });
        if name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') {
            object.extend(["\"", name, "\""]);
        } else {
            object.push_str(&Value::from(*name).to_string());
        }
        object.push(':');
        object.push_str(value);
    }
    object.push('}');
    Some(object)
}
