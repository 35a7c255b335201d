//! The connections of a client: how many are open, in use or not, and for how long.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue};

use super::{HttpClientInstrumenter, PhaseSpan, way};
use crate::address;
use crate::attributes::{self as keys, attribute};
use crate::metrics::ConnectionMetrics;

/// A connection that is open; its end is the end of the connection.
///
/// The transport of the connection holds it.
#[derive(Debug)]
pub struct OpenConnection(HttpConnection);

/// A connection, for those who send requests over it; cheap to clone.
#[derive(Clone)]
pub struct HttpConnection(Arc<Shared>);

struct Shared {
    metrics: Option<ConnectionMetrics>,
    /// Those of the metrics, without the state.
    attributes: Vec<KeyValue>,
    setup: Option<SpanContext>,
    clock: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    was_used: bool,
    /// How many requests are on their way.
    requests: u32,
    closed: bool,
}

const ACTIVE: &str = "active";
const IDLE: &str = "idle";

impl HttpClientInstrumenter {
    /// A connection to `authority`, such as `api.example:443`, that is open from now on.
    ///
    /// `setup` is the span of setting it up, and `is_http2` says that both ends agreed to HTTP/2.
    ///
    /// `None` if telemetry is suppressed.
    #[must_use]
    pub fn connected(
        &self,
        scheme: &str,
        authority: &str,
        is_http2: bool,
        setup: Option<&PhaseSpan>,
    ) -> Option<OpenConnection> {
        if Context::current().is_telemetry_suppressed() {
            return None;
        }
        let mut attributes = Vec::with_capacity(4);
        if let Some((host, port)) = address::server(authority.as_bytes()) {
            attributes.push(attribute(keys::SERVER_ADDRESS, StringValue::from(host)));
            if let Some(port) = port.or_else(|| address::default_port(scheme)) {
                attributes.push(attribute(keys::SERVER_PORT, i64::from(port)));
            }
        }
        if is_http2 {
            attributes.push(attribute(keys::NETWORK_PROTOCOL_VERSION, "2"));
        }
        let shared = Shared {
            metrics: self.0.connection_metrics().cloned(),
            attributes,
            setup: setup.map(|it| it.context().span().span_context().clone()),
            clock: Instant::now(),
            state: Mutex::default(),
        };
        shared.count(IDLE, 1);
        Some(OpenConnection(HttpConnection(Arc::new(shared))))
    }
}

impl OpenConnection {
    /// For those who send requests over it.
    #[must_use]
    pub fn handle(&self) -> HttpConnection {
        self.0.clone()
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let shared = &self.0.0;
        let mut state = shared.state();
        state.closed = true;
        shared.count(if state.requests > 0 { ACTIVE } else { IDLE }, -1);
        if let Some(metrics) = &shared.metrics {
            metrics.duration.record(shared.clock.elapsed().as_secs_f64(), &shared.attributes);
        }
    }
}

impl HttpConnection {
    /// The request that the thread works on goes over this connection: it is in use until that
    /// request is over, with its body.
    ///
    /// On the request it is recorded whether the connection was used before, or which span set it up.
    pub fn used(&self) {
        way::current(|way| {
            if way.lease.as_ref().is_some_and(|it| Arc::ptr_eq(&it.connection, &self.0)) {
                return;
            }
            let lease = Lease::new(&self.0);
            let context = Context::current();
            let span = context.span();
            if span.is_recording() {
                span.set_attribute(attribute(keys::HTTP_CONNECTION_REUSED, lease.is_reuse));
                let setup = self.0.setup.as_ref().filter(|_| !lease.is_reuse);
                setup.into_iter().for_each(|it| span.add_link(it.clone(), Vec::new()));
            }
            way.lease = Some(lease);
        });
    }
}

impl fmt::Debug for HttpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnection").finish_non_exhaustive()
    }
}

/// While it lives, a request is on its way over the connection.
pub(super) struct Lease {
    connection: Arc<Shared>,
    is_reuse: bool,
    for_good: bool,
}

impl Lease {
    fn new(connection: &Arc<Shared>) -> Self {
        let mut state = connection.state();
        let is_reuse = std::mem::replace(&mut state.was_used, true);
        state.requests += 1;
        if state.requests == 1 && !state.closed {
            connection.count(IDLE, -1);
            connection.count(ACTIVE, 1);
        }
        Self { connection: Arc::clone(connection), is_reuse, for_good: false }
    }

    /// The connection speaks another protocol from now on, until it is closed.
    pub(super) fn keep(&mut self) {
        self.for_good = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.for_good {
            return;
        }
        let mut state = self.connection.state();
        state.requests -= 1;
        if state.requests == 0 && !state.closed {
            self.connection.count(ACTIVE, -1);
            self.connection.count(IDLE, 1);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, state: &'static str, change: i64) {
        if let Some(metrics) = &self.metrics {
            let mut attributes = self.attributes.clone();
            attributes.push(attribute(keys::HTTP_CONNECTION_STATE, state));
            metrics.open.add(change, &attributes);
        }
    }
}
