//! Who keeps the span of a request open when its connection is upgraded.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;

use opentelemetry::Context;

use super::exchange::{panic_message, record_failure};
use super::frames;
use crate::attributes::{self as keys, attribute};
use crate::current::Entered;
use crate::diagnostics;
use crate::message::Frame;
use crate::request_span::RequestSpan;

/// Keeps the span of an upgraded connection open; the last of it and the
/// [`ServerSpan`](super::ServerSpan) ends it.
#[derive(Debug)]
pub struct KeepOpen {
    handle: Option<RequestSpan>,
    /// What the work of a request that is not recorded runs in.
    passing: Option<Context>,
}

impl KeepOpen {
    /// Keeps the span of `request` open, if it is still.
    #[must_use]
    pub fn new(request: &RequestSpan) -> Option<Self> {
        let server = request.0.server.as_ref()?;
        let more = |open: usize| (open > 0).then_some(open + 1);
        let kept = server.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        kept.ok().map(|_| Self { handle: Some(request.clone()), passing: None })
    }

    /// The same of `request`; where nothing is recorded, what passes the current context on.
    ///
    /// ```
    /// use logfire_rs_core::{KeepOpen, current_request};
    ///
    /// let mut kept = KeepOpen::or_passing(current_request().as_ref());
    /// let connection = std::thread::spawn(move || kept.run(|| "work of the request"));
    /// assert_eq!(connection.join().unwrap(), "work of the request");
    /// ```
    #[must_use]
    pub fn or_passing(request: Option<&RequestSpan>) -> Self {
        let passing = || Self { handle: None, passing: Some(Context::current()) };
        request.and_then(Self::new).unwrap_or_else(passing)
    }

    /// Makes the request the current one.
    pub fn enter(&mut self) -> Entered<'_> {
        let context = self.handle.as_ref().map(RequestSpan::context).or(self.passing.as_ref());
        Entered::new(context.cloned(), &mut self.handle)
    }

    /// The handle for the application.
    #[must_use]
    pub fn request_span(&self) -> Option<&RequestSpan> {
        self.handle.as_ref()
    }

    /// Runs `poll` as the current request; around each poll of the connection's task. If it panics,
    /// that is recorded, and the panic goes on.
    pub fn run<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        let entered = self.enter();
        let result = catch_unwind(AssertUnwindSafe(poll));
        drop(entered);
        result.unwrap_or_else(|panic| {
            if let Some(handle) = &self.handle {
                record_failure(handle, "panic", || panic_message(&*panic));
            }
            resume_unwind(panic)
        })
    }

    /// Records how a WebSocket was closed: the status code of RFC 6455, 1006 if there was no close
    /// frame.
    ///
    /// 1000, 1001, 1005 and the codes of applications are normal; the others are errors.
    pub fn record_close(&self, code: u16) {
        let Some(handle) = &self.handle else { return };
        handle.set_attribute(attribute(keys::WEBSOCKET_CLOSE_CODE, i64::from(code)));
        if !matches!(code, 1000 | 1001 | 1005 | 3000..=4999) {
            let mut notes = handle.0.notes();
            if !notes.ended {
                notes.failure.get_or_insert("websocket_closed_abnormally");
            }
        }
    }

    /// Records that the connection failed; `error_type` is one of a closed list of the adapter.
    pub fn record_error(&self, error_type: &'static str, error: &dyn Display) {
        if let Some(handle) = &self.handle {
            record_failure(handle, error_type, || diagnostics::display(error));
        }
    }

    /// Tells hooks of a message that the application received.
    pub fn received_message(&mut self) {
        self.message(frames::received);
    }

    /// Tells hooks of a message that the application sends.
    pub fn sent_message(&mut self) {
        self.message(frames::sent);
    }

    fn message(&mut self, tell: fn(&RequestSpan, &Frame<'_>)) {
        if let Some(handle) = self.handle.clone() {
            let _entered = self.enter();
            tell(&handle, &Frame::Message);
        }
    }
}

impl Drop for KeepOpen {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle
            && let Some(server) = &handle.0.server
        {
            server.release(&handle.0);
        }
    }
}
