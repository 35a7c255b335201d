//! The body of a response, as its reader sees it pass.

use std::fmt::{self, Display};
use std::time::{Instant, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, TraceContextExt as _};

use super::captured::{self, Captured};
use super::span::Flight;
use super::{ClientSpan, way};
use crate::diagnostics;
use crate::message::ClientResponse;
use crate::options::SpanEnd;
use crate::redaction;

/// Watches the body of a response that a [`ClientSpan`] has recorded the head of.
///
/// It ends with the value: at the end of the body, at its error, or when the reader drops it.
pub struct ClientBody {
    span: ClientSpan,
    reading: Reading,
    captured: Option<Captured>,
    size: u64,
}

/// The span `Reading response body`.
enum Reading {
    /// The span of the request covers the body, or nobody wants to know.
    None,
    /// Starts when the application starts to read.
    Wanted,
    Started {
        context: Context,
        wall: SystemTime,
        clock: Instant,
    },
}

impl ClientSpan {
    /// Ends the head of the exchange; `None` if nothing of the body is to be recorded.
    ///
    /// An adapter that gets a [`ClientBody`] passes on to it what it sees of the body, and need not
    /// do so for a body that is empty.
    #[must_use]
    pub fn into_body(mut self, response: &ClientResponse<'_>) -> Option<ClientBody> {
        let flight = self.flight.as_deref_mut()?;
        let (start, config) = (&flight.start, &flight.start.engine.config);
        let wanted = config.span_end == SpanEnd::Body || config.capture_response_body;
        let (sizes, holds) = (flight.counts_sizes(), flight.way.lease.is_some());
        if !(wanted || sizes || holds) {
            flight.end();
            return None;
        }
        let endless = wanted
            && (response.status == 101 || start.method.is_connect() || is_event_stream(response));
        let covered = config.span_end == SpanEnd::Body && !endless;
        let capture = config.capture_response_body && start.recording && !endless;
        let captured =
            if capture { Captured::new(response.headers, config.max_body) } else { None };
        if let (101, Some(lease)) = (response.status, &mut flight.way.lease) {
            lease.keep();
        }
        let reading = if captured.is_some() && !covered { Reading::Wanted } else { Reading::None };
        if !covered {
            flight.end();
        }
        if !(covered || captured.is_some() || sizes || holds) {
            return None;
        }
        Some(ClientBody { span: self, reading, captured, size: 0 })
    }
}

fn is_event_stream(response: &ClientResponse<'_>) -> bool {
    const TYPE: &str = "text/event-stream";
    let value = response.headers.first("content-type").and_then(|it| it.as_str());
    value.and_then(|it| it.get(..TYPE.len())).is_some_and(|it| it.eq_ignore_ascii_case(TYPE))
}

impl ClientBody {
    /// The application asks for more of the body.
    pub fn read(&mut self) {
        if !matches!(self.reading, Reading::Wanted) {
            return;
        }
        let Some(Flight { start, .. }) = self.span.flight.as_deref() else { return };
        let Some(tracer) = start.engine.backend().tracer() else { return };
        let (wall, clock) = (SystemTime::now(), Instant::now());
        let builder = SpanBuilder::from_name("Reading response body").with_start_time(wall);
        let (context, _) = tracer.start(builder, &start.context);
        self.reading = Reading::Started { context, wall, clock };
    }

    /// A part of the body that was read.
    pub fn data(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        if let Some(captured) = &mut self.captured {
            captured.push(data);
        }
    }

    /// The body ends with an error; the arguments are those of [`ClientSpan::record_error`].
    pub fn error(mut self, error_type: &'static str, message: &dyn Display) {
        if let Some(flight) = self.span.flight.as_mut().filter(|it| it.open) {
            return flight.fail(error_type, message);
        }
        if let Reading::Started { context, .. } = &self.reading {
            way::set_error(
                context,
                error_type,
                redaction::mask_text(&diagnostics::display(message)),
            );
        }
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        let Some(flight) = &mut self.span.flight else { return };
        flight.response_size = Some(self.size);
        let text = self.captured.take().and_then(captured::response_body);
        if let Reading::Started { context, wall, clock } = &self.reading {
            let span = context.span();
            text.into_iter().for_each(|it| span.set_attribute(it));
            span.end_with_timestamp(*wall + clock.elapsed());
        } else if let Some(text) = text {
            flight.start.context.span().set_attribute(text);
        }
    }
}

impl fmt::Debug for ClientBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBody")
            .field("span", &self.span)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
