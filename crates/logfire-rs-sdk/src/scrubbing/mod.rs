//! Scrubbing: what looks sensitive does not leave the process.
//!
//! The rules are those of Logfire's Python SDK 4.41; what differs is in `docs/scrubbing.md`.

mod marker;
mod notes;
mod pass;
mod patterns;
mod rules;
mod scrubbed;
mod text;
mod url;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use opentelemetry::{Key, KeyValue, Value, logs::AnyValue, trace::Status};
use opentelemetry_sdk::{Resource, logs::SdkLogRecord, trace::SpanData};

use notes::Notes;
use pass::Pass;
use patterns::Patterns;
pub use scrubbed::{Scrubbed, ScrubbingLogProcessor};

use crate::{ConfigureError, message::text, warnings::Warnings};

const SCRUBBED: &str = "logfire.scrubbed";

/// What is scrubbed, and what happens then. On by default.
///
/// A value whose name looks sensitive, such as `password`, `api_key`, `authorization` or `session_id`, becomes
/// `[Scrubbed due to 'password']` wherever it is: in attributes of spans, events, links and logs, in JSON inside of
/// them, in the queries of URLs (there as `REDACTED`), in messages and bodies of logs. A string that contains such a
/// word is scrubbed as a whole, a message only where a value follows the word. `logfire.scrubbed` tells what was found.
///
/// ```
/// use logfire_rs_sdk::{Scrubbing, configure};
/// # let configure = || configure().local().env_lookup(|_| None).console(false);
///
/// let scrubbing = Scrubbing::default().extra_patterns(["iban", r"\b\d{16}\b"]).callback(|found| {
///     // The name of a cookie is no secret here.
///     (found.path() == "attributes.cookie_name").then(|| found.value().to_owned())
/// });
/// let logfire = configure().scrubbing(scrubbing).finish()?;
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scrubbing {
    off: bool,
    extra: Vec<String>,
    callback: Option<Callback>,
}

#[derive(Clone)]
struct Callback(Arc<CallbackFn>);

type CallbackFn = dyn Fn(&ScrubMatch<'_>) -> Option<String> + Send + Sync;

impl Scrubbing {
    /// Adds regular expressions to the default ones, in the syntax of the [regex](https://docs.rs/regex) crate. They are
    /// searched without regard to case in names and values, as the default ones are. None by default.
    ///
    /// One that is invalid, or that matches an empty text as `\d*` does, is an error where the scrubbing is used.
    ///
    /// ```
    /// let scrubbing = logfire_rs_sdk::Scrubbing::default().extra_patterns(["phone", "e-?mail"]);
    /// assert!(scrubbing.scrubber().is_ok());
    /// let scrubbing = logfire_rs_sdk::Scrubbing::default().extra_patterns(["("]);
    /// assert!(scrubbing.scrubber().unwrap_err().to_string().starts_with("scrubbing is invalid: "));
    /// ```
    #[must_use]
    pub fn extra_patterns<S: Into<String>>(
        mut self,
        patterns: impl IntoIterator<Item = S>,
    ) -> Self {
        self.extra.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Is asked for each match, on the thread that exports: `Some` is written in the place of the value, `None` has it
    /// redacted. If it panics the value is redacted. None by default.
    ///
    /// ```
    /// let scrubbing = logfire_rs_sdk::Scrubbing::default()
    ///     .callback(|found| (found.matched() == "session").then(|| found.value().to_owned()));
    /// ```
    #[must_use]
    pub fn callback(
        mut self,
        callback: impl Fn(&ScrubMatch<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.callback = Some(Callback(Arc::new(callback)));
        self
    }

    /// What scrubs, for an OpenTelemetry SDK of your own.
    ///
    /// # Errors
    ///
    /// If an extra pattern is invalid, or matches an empty text.
    ///
    /// ```
    /// let scrubber = logfire_rs_sdk::Scrubbing::default().scrubber()?;
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn scrubber(self) -> Result<Scrubber, ConfigureError> {
        self.compile(Warnings::default())
    }

    pub(crate) fn compile(self, warnings: Warnings) -> Result<Scrubber, ConfigureError> {
        if self.off {
            return Ok(Scrubber(None));
        }
        let patterns = Patterns::new(&self.extra)
            .map_err(|error| ConfigureError::Invalid { setting: "scrubbing", reason: error })?;
        let panicked = AtomicBool::new(false);
        Ok(Scrubber(Some(Arc::new(Shared {
            patterns,
            callback: self.callback,
            warnings,
            panicked,
        }))))
    }
}

/// On as by default, or off.
impl From<bool> for Scrubbing {
    fn from(on: bool) -> Self {
        Self { off: !on, ..Self::default() }
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

/// A value that is about to be redacted.
///
/// ```
/// use logfire_rs_sdk::Scrubbing;
///
/// let scrubbing = Scrubbing::default().callback(|found| {
///     println!("{} matches {}", found.path(), found.matched());
///     None
/// });
/// ```
///
/// `Debug` shows only where it is: the value is what must not leave.
#[derive(Clone, Copy)]
pub struct ScrubMatch<'a> {
    path: &'a str,
    value: &'a str,
    matched: &'a str,
}

impl<'a> ScrubMatch<'a> {
    /// Where the value is: `attributes.`, `otel_events.{index}.attributes.`, `links.{index}.attributes.` and the name of
    /// an attribute, and the names and indexes inside of it; `log_body`, `status`, `resource.` and the name.
    ///
    /// ```
    /// # let scrubbing = logfire_rs_sdk::Scrubbing::default();
    /// scrubbing.callback(|found| {
    ///     (found.path() == "attributes.order.0.session").then(|| found.value().to_owned())
    /// });
    /// ```
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The value as text; of what is no string, JSON.
    ///
    /// ```
    /// # let scrubbing = logfire_rs_sdk::Scrubbing::default();
    /// scrubbing.callback(|found| Some(format!("{} bytes", found.value().len())));
    /// ```
    #[must_use]
    pub const fn value(&self) -> &'a str {
        self.value
    }

    /// What a pattern matched, in the name or in the value.
    ///
    /// ```
    /// # let scrubbing = logfire_rs_sdk::Scrubbing::default();
    /// scrubbing.callback(|found| (found.matched() == "auth").then(|| "who knows".to_owned()));
    /// ```
    #[must_use]
    pub const fn matched(&self) -> &'a str {
        self.matched
    }
}

impl fmt::Debug for ScrubMatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScrubMatch").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Scrubs what passes: made by [`Scrubbing::scrubber`], cheap to clone.
///
/// [`configure`](crate::configure) scrubs already. With an OpenTelemetry SDK of your own, wrap what exports:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use logfire_rs_sdk::{
///     Scrubbing,
///     opentelemetry::{KeyValue, trace::{Span, Tracer, TracerProvider}},
///     opentelemetry_sdk::{
///         error::OTelSdkResult,
///         trace::{SdkTracerProvider, SpanData, SpanExporter},
///     },
/// };
///
/// /// Keeps what a real exporter would send.
/// #[derive(Clone, Debug, Default)]
/// struct Kept(Arc<Mutex<Vec<SpanData>>>);
///
/// impl SpanExporter for Kept {
///     async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
///         self.0.lock().unwrap().append(&mut batch);
///         Ok(())
///     }
/// }
///
/// let kept = Kept::default();
/// let scrubber = Scrubbing::default().scrubber()?;
/// let provider =
///     SdkTracerProvider::builder().with_simple_exporter(scrubber.wrap(kept.clone())).build();
/// let mut span = provider.tracer("doc").start("log in");
/// span.set_attribute(KeyValue::new("password", "hunter2"));
/// span.end();
///
/// let attributes = &kept.0.lock().unwrap()[0].attributes;
/// assert_eq!(attributes[0], KeyValue::new("password", "[Scrubbed due to 'password']"));
/// assert_eq!(
///     attributes[1],
///     KeyValue::new(
///         "logfire.scrubbed",
///         r#"[{"matched_substring":"password","path":["attributes","password"]}]"#,
///     ),
/// );
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scrubber(Option<Arc<Shared>>);

/// `None` in its place scrubs nothing.
#[derive(Debug)]
struct Shared {
    patterns: Patterns,
    callback: Option<Callback>,
    warnings: Warnings,
    panicked: AtomicBool,
}

impl Scrubber {
    /// Wraps a span exporter or a span processor, which then gets scrubbed spans and a scrubbed resource.
    ///
    /// A processor is handed ended spans on the thread that ends them, an exporter on its own; wrap the exporter if you can.
    /// `on_start` of a processor is given the span itself, which is not scrubbed before it ends.
    ///
    /// ```
    /// use logfire_rs_sdk::Scrubbing;
    /// # fn example(
    /// #     exporter: impl logfire_rs_sdk::opentelemetry_sdk::trace::SpanExporter,
    /// # ) -> Result<(), logfire_rs_sdk::ConfigureError> {
    /// let exporter = Scrubbing::default().scrubber()?.wrap(exporter);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn wrap<T>(self, inner: T) -> Scrubbed<T> {
        Scrubbed::new(self, inner)
    }

    /// A log processor that scrubs records for those that are added after it.
    ///
    /// ```
    /// use logfire_rs_sdk::{Scrubbing, opentelemetry_sdk::logs::SdkLoggerProvider};
    ///
    /// let scrubber = Scrubbing::default().scrubber()?;
    /// let logs = SdkLoggerProvider::builder().with_log_processor(scrubber.log_processor());
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn log_processor(&self) -> ScrubbingLogProcessor {
        ScrubbingLogProcessor::new(self.clone())
    }

    /// Scrubs an ended span.
    pub(crate) fn span(&self, span: &mut SpanData) {
        let Some(shared) = &self.0 else { return };
        let mut pass = Pass::new(shared);
        pass.at_key("attributes", |pass| pass.attributes(&mut span.attributes));
        pass.at_key("otel_events", |pass| {
            for (index, event) in span.events.events.iter_mut().enumerate() {
                pass.at_index(index, |pass| {
                    pass.at_key("attributes", |pass| pass.attributes(&mut event.attributes));
                });
            }
        });
        pass.at_key("links", |pass| {
            for (index, link) in span.links.links.iter_mut().enumerate() {
                pass.at_index(index, |pass| {
                    pass.at_key("attributes", |pass| pass.attributes(&mut link.attributes));
                });
            }
        });
        if let Status::Error { description } = &mut span.status
            && let Some(new) = pass.at_key("status", |pass| pass.text(description))
        {
            *description = new.into();
        }
        let notes = pass.into_notes();
        if notes.is_empty() {
            return;
        }
        let mut all = Notes::earlier(text(&span.attributes, &[SCRUBBED]).as_deref());
        all.extend(notes);
        let notes = Value::from(all.into_text());
        match span.attributes.iter_mut().find(|attribute| attribute.key.as_str() == SCRUBBED) {
            Some(attribute) => attribute.value = notes,
            None => span.attributes.push(KeyValue::new(SCRUBBED, notes)),
        }
    }

    /// The scrubbed copy of a log record, if there is something to scrub; `empty` is a new record.
    pub(crate) fn log(
        &self,
        record: &SdkLogRecord,
        empty: impl FnOnce() -> SdkLogRecord,
    ) -> Option<SdkLogRecord> {
        use opentelemetry::logs::LogRecord;

        let mut pass = Pass::new(self.0.as_deref()?);
        let mut body = record.body().cloned();
        if let Some(body) = &mut body {
            pass.at_key("log_body", |pass| pass.log_body(body));
        }
        let mut attributes: Vec<_> = record.attributes_iter().cloned().collect();
        pass.at_key("attributes", |pass| {
            for (key, value) in &mut attributes {
                pass.log_attribute(key.as_str(), value);
            }
        });
        let notes = pass.into_notes();
        let is_same =
            || record.body() == body.as_ref() && record.attributes_iter().eq(attributes.iter());
        if notes.is_empty() && is_same() {
            return None;
        }
        let mut scrubbed = empty();
        let is_note = |(key, _): &(Key, AnyValue)| key.as_str() == SCRUBBED;
        let earlier = attributes.iter().position(is_note).map(|place| attributes.remove(place).1);
        let mut all = Notes::earlier(earlier.as_ref().and_then(|it| match it {
            AnyValue::String(text) => Some(text.as_str()),
            _ => None,
        }));
        all.extend(notes);
        scrubbed.add_attributes(attributes);
        if !all.is_empty() {
            scrubbed.add_attribute(SCRUBBED, all.into_text());
        }
        if let Some(body) = body {
            scrubbed.set_body(body);
        }
        if let Some(name) = record.event_name() {
            scrubbed.set_event_name(name);
        }
        if let Some(target) = record.target() {
            scrubbed.set_target(target.clone());
        }
        if let Some(time) = record.timestamp() {
            scrubbed.set_timestamp(time);
        }
        if let Some(time) = record.observed_timestamp() {
            scrubbed.set_observed_timestamp(time);
        }
        if let Some(severity) = record.severity_text() {
            scrubbed.set_severity_text(severity);
        }
        if let Some(severity) = record.severity_number() {
            scrubbed.set_severity_number(severity);
        }
        if let Some(context) = record.trace_context() {
            scrubbed.set_trace_context(context.trace_id, context.span_id, context.trace_flags);
        }
        Some(scrubbed)
    }

    /// The resource without what looks sensitive by its name, or is a value in a text.
    pub(crate) fn resource(&self, resource: &Resource) -> Resource {
        let Some(shared) = &self.0 else { return resource.clone() };
        let mut pass = Pass::new(shared);
        let attributes: Vec<_> = pass.at_key("resource", |pass| {
            let scrub = |(key, value): (&Key, &Value)| {
                let mut value = value.clone();
                pass.resource_attribute(key, &mut value);
                KeyValue::new(key.clone(), value)
            };
            resource.iter().map(scrub).collect()
        });
        match resource.schema_url() {
            Some(url) => Resource::builder_empty().with_schema_url(attributes, url.to_owned()),
            None => Resource::builder_empty().with_attributes(attributes),
        }
        .build()
    }
}

impl Shared {
    fn callback_panicked(&self) {
        if !self.panicked.swap(true, Ordering::Relaxed) {
            self.warnings
                .warn(&"the scrubbing callback panicked: what it was asked about is redacted");
        }
    }
}

#[cfg(test)]
mod tests;
