//! The body of a request, as its sender sees it pass.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

use super::captured::RequestText;
use super::{ClientSpan, RequestBodyCounter};
use crate::headers::Headers;

/// Watches the body of a request while it is sent.
///
/// What was sent is recorded with the value's end. A span that ends before, since the server answered
/// early, has no text of it.
pub struct ClientRequestBody {
    counter: Option<RequestBodyCounter>,
    text: Option<RequestText>,
    context: Context,
}

impl ClientSpan {
    /// Records that the body of the request has `bytes`, for a client that knows no more of it.
    pub fn record_request_size(&mut self, bytes: u64) {
        if let Some(counter) = self.request_body_counter() {
            counter.set(bytes);
        }
    }

    /// Watches the body of the request; `None` if nothing of it is to be recorded.
    ///
    /// `headers` are those of the request, and `size` is that of a body that is there as a whole.
    #[must_use]
    pub fn watch_request_body(
        &mut self,
        headers: &dyn Headers,
        size: Option<u64>,
    ) -> Option<ClientRequestBody> {
        let counter = self.request_body_counter();
        let start = &self.flight.as_deref()?.start;
        let config = &start.engine.config;
        let capture = start.recording && config.capture_request_body;
        let whole = size.is_some_and(|it| it > 0);
        let text = if capture && whole { RequestText::new(headers, config.max_body) } else { None };
        (counter.is_some() || text.is_some()).then(|| ClientRequestBody {
            counter,
            text,
            context: start.context.clone(),
        })
    }
}

impl ClientRequestBody {
    /// A part of the body that is sent.
    pub fn data(&mut self, data: &[u8]) {
        if let Some(counter) = &self.counter {
            counter.add(data.len());
        }
        if let Some(text) = &mut self.text {
            text.push(data);
        }
    }
}

impl Drop for ClientRequestBody {
    fn drop(&mut self) {
        let text = self.text.take().and_then(RequestText::into_attribute);
        text.into_iter().for_each(|it| self.context.span().set_attribute(it));
    }
}

impl fmt::Debug for ClientRequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequestBody").field("counter", &self.counter).finish_non_exhaustive()
    }
}
