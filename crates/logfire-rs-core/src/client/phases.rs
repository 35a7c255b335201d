//! What a request waits for: name resolution and the setup of a connection.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{SpanBuilder, SpanContext, TraceContextExt as _};
use opentelemetry::{Array, Context, StringValue, Value};

use super::span::Flight;
use super::{ClientSpan, HttpClientInstrumenter, way};
use crate::attributes::{self as keys, attribute};
use crate::message::Peer;
use crate::{address, redaction};

/// The span of one phase of a request; it ends with the value.
///
/// Dropped in a poll of the request before it is done, it has taken too long: a client library
/// drops a connection that is not there in time. Dropped elsewhere, it was given up.
pub struct PhaseSpan {
    context: Context,
    wall: SystemTime,
    clock: Instant,
    done: bool,
}

impl HttpClientInstrumenter {
    /// Starts the span of setting up a connection, below the request that the thread works on.
    ///
    /// `None` without a request, or if telemetry is suppressed.
    #[must_use]
    pub fn connect(&self) -> Option<PhaseSpan> {
        let server = way::current_server()?;
        let mut name = String::from("HTTP connection_setup");
        let mut attributes = Vec::with_capacity(4);
        if let Some(address) = server.address {
            name.push(' ');
            name.push_str(address.as_str());
            attributes.push(attribute(keys::SERVER_ADDRESS, address));
        }
        if let Some(port) = server.port {
            name.push_str(&format!(":{port}"));
            attributes.push(attribute(keys::SERVER_PORT, i64::from(port)));
        }
        self.phase(SpanBuilder::from_name(name).with_attributes(attributes))
    }

    /// Starts the span of looking up the addresses of `name`, below the connection or the request.
    ///
    /// `None` without a request that is recorded, or if telemetry is suppressed.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<PhaseSpan> {
        let question = attribute(keys::DNS_QUESTION_NAME, name.to_owned());
        let builder = SpanBuilder::from_name(format!("DNS lookup {name}"));
        self.phase(builder.with_attributes([question]))
    }

    fn phase(&self, builder: SpanBuilder) -> Option<PhaseSpan> {
        way::current(|_| ())?;
        let parent = Context::current();
        if parent.is_telemetry_suppressed() || !parent.span().is_recording() {
            return None;
        }
        let tracer = self.0.backend().tracer()?;
        let (wall, clock) = (SystemTime::now(), Instant::now());
        let (context, _) = tracer.start(builder.with_start_time(wall), &parent);
        Some(PhaseSpan { context, wall, clock, done: false })
    }
}

impl PhaseSpan {
    /// The context of the phase; active while it lasts.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The connection is there.
    pub fn connected(&mut self, peer: Option<Peer<'_>>) {
        self.done = true;
        if let Some(Peer::Inet(peer)) = peer {
            let span = self.context.span();
            let ip = StringValue::from(address::ip_text(peer.ip()));
            span.set_attribute(attribute(keys::NETWORK_PEER_ADDRESS, ip));
            span.set_attribute(attribute(keys::NETWORK_PEER_PORT, i64::from(peer.port())));
        }
    }

    /// The name has these addresses.
    pub fn answered(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        self.done = true;
        let texts = addresses.map(|it| StringValue::from(address::ip_text(it))).collect();
        let answers = attribute(keys::DNS_ANSWERS, Value::Array(Array::String(texts)));
        self.context.span().set_attribute(answers);
    }

    /// The phase failed; the arguments are those of [`ClientSpan::record_error`].
    pub fn failed(&mut self, error_type: &'static str, message: &dyn Display) {
        self.done = true;
        let text = redaction::mask_text(&message.to_string());
        way::set_error(&self.context, error_type, text);
    }
}

impl Drop for PhaseSpan {
    fn drop(&mut self) {
        if !self.done && way::current(|_| ()).is_some() {
            way::set_error(&self.context, "connect_timeout", String::new());
        }
        self.context.span().end_with_timestamp(self.wall + self.clock.elapsed());
    }
}

impl fmt::Debug for PhaseSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhaseSpan")
            .field("span_context", self.context.span().span_context())
            .finish_non_exhaustive()
    }
}

impl ClientSpan {
    /// Records whether the request went over a connection that was there before, or which span set
    /// it up.
    pub fn record_connection(&mut self, setup: Option<SpanContext>) {
        if let Some(Flight { start, .. }) = self.flight.as_deref()
            && start.recording
        {
            let span = start.context.span();
            span.set_attribute(attribute(keys::HTTP_CONNECTION_REUSED, setup.is_none()));
            if let Some(setup) = setup {
                span.add_link(setup, Vec::new());
            }
        }
    }
}
