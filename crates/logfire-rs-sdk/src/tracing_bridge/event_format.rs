//! Lines of a log that name the span they belong to.

use std::fmt;

use opentelemetry::{
    Context,
    trace::{SpanId, TraceContextExt},
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext,
        format::{FormatEvent, FormatFields, Writer},
    },
    registry::LookupSpan,
};

use crate::{Logfire, guard::Bridged, parents::Parents};

impl Logfire {
    /// A format for the lines of `tracing_subscriber::fmt`: `format`, with the ids of the current span and the name of the
    /// service.
    ///
    /// Each line begins with `trace_id`, `span_id`, `parent_span_id` and `service.name`, those that there are; the current
    /// span is that of OpenTelemetry, so a line of a handler has the ids of its request. The layer must be added after
    /// [`tracing_layer`](Logfire::tracing_layer).
    ///
    /// From the first call on, the parents of the open spans are remembered, of at most 10000.
    ///
    /// ```
    /// use tracing_subscriber::{fmt::{self, format::Format}, layer::SubscriberExt, registry};
    ///
    /// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
    /// let lines = fmt::layer().event_format(logfire.event_format(Format::default()));
    /// # let lines = lines.with_writer(std::io::sink);
    /// let subscriber = registry().with(logfire.tracing_layer()).with(lines);
    /// tracing::subscriber::with_default(subscriber, || {
    ///     // trace_id=019f… span_id=6b1c… service.name=shop 2026-11-27T09:00:00Z  INFO check out: shop: sold
    ///     tracing::info_span!("check out").in_scope(|| tracing::info!("sold"));
    /// });
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    #[must_use]
    pub fn event_format<F>(&self, format: F) -> EventFormat<F> {
        let Bridged { parents, service, .. } = self.bridged();
        parents.remember();
        let (service, parents) = (service.clone(), parents.clone());
        EventFormat { inner: format, is_json: false, service, parents }
    }
}

/// A format that adds the ids of the current span; made by [`Logfire::event_format`].
///
/// ```
/// use logfire_rs_sdk::EventFormat;
/// use tracing_subscriber::fmt::format::Format;
///
/// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
/// let format: EventFormat<_> = logfire.event_format(Format::default().compact());
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Debug)]
pub struct EventFormat<F> {
    inner: F,
    is_json: bool,
    service: String,
    parents: Parents,
}

impl<F> EventFormat<F> {
    /// For a format that writes JSON objects: what is added are their first members. False by default.
    ///
    /// ```
    /// // Of the crate tracing-subscriber with its feature `json`: `logfire.event_format(Format::default().json())`.
    /// # use logfire_rs_sdk::EventFormat;
    /// fn of_json<F>(logfire: &logfire_rs_sdk::Logfire, json: F) -> EventFormat<F> {
    ///     logfire.event_format(json).json(true)
    /// }
    /// ```
    #[must_use]
    pub fn json(mut self, is_json: bool) -> Self {
        self.is_json = is_json;
        self
    }

    /// Names and values.
    fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let context = Context::current();
        let span = context.span().span_context().clone();
        let ids = span.is_valid().then(|| {
            let parent = self.parents.of(span.span_id());
            let parent = parent.filter(|parent| *parent != SpanId::INVALID);
            [
                Some(("trace_id", span.trace_id().to_string())),
                Some(("span_id", span.span_id().to_string())),
                parent.map(|parent| ("parent_span_id", parent.to_string())),
            ]
        });
        let service = ("service.name", self.service.clone());
        ids.into_iter().flatten().flatten().chain([service])
    }

    fn write_json(&self, writer: &mut Writer<'_>, line: &str) -> fmt::Result {
        let Some(members) = line.strip_prefix('{') else { return writer.write_str(line) };
        writer.write_char('{')?;
        let mut comma = "";
        for (name, value) in self.fields() {
            write!(writer, "{comma}\"{name}\":{}", serde_json::Value::from(value))?;
            comma = ",";
        }
        let comma = if members.starts_with('}') { "" } else { comma };
        write!(writer, "{comma}{members}")
    }
}

impl<S, N, F> FormatEvent<S, N> for EventFormat<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.is_json {
            let mut line = String::new();
            self.inner.format_event(context, Writer::new(&mut line), event)?;
            return self.write_json(&mut writer, &line);
        }
        for (name, value) in self.fields() {
            let must_be_quoted = |c: char| c.is_whitespace() || c.is_control() || c == '"';
            if value.is_empty() || value.contains(must_be_quoted) {
                write!(writer, "{name}={value:?} ")?;
            } else {
                write!(writer, "{name}={value} ")?;
            }
        }
        self.inner.format_event(context, writer, event)
    }
}
