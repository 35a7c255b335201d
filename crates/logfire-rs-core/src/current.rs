//! The request that a thread is working on.

use std::cell::Cell;

use opentelemetry::{Context, ContextGuard};

use crate::request_span::RequestSpan;

thread_local! {
    static CURRENT: Cell<Option<RequestSpan>> = const { Cell::new(None) };
}

/// The request being served, from anywhere in its task.
///
/// It does not follow into spawned tasks and threads; clone it and take it along. `None` outside of
/// a request, for an excluded one, and where nothing is recorded.
///
/// ```
/// use opentelemetry::KeyValue;
///
/// fn deep_inside_a_handler(tenant: &str) {
///     if let Some(request) = logfire_rs_core::current_request() {
///         request.set_attribute(KeyValue::new("tenant", tenant.to_owned()));
///     }
/// }
/// # deep_inside_a_handler("acme");
/// ```
#[must_use]
pub fn current_request() -> Option<RequestSpan> {
    let clone = |it: &Cell<Option<RequestSpan>>| {
        let current = it.take();
        it.set(current.clone());
        current
    };
    CURRENT.try_with(clone).ok().flatten()
}

/// The request being served, if its span is sampled and not yet ended: looked at before a reference
/// is counted.
pub(crate) fn recorded_request() -> Option<RequestSpan> {
    let clone = |it: &Cell<Option<RequestSpan>>| {
        let current = it.take();
        let recorded = current.as_ref().filter(|it| it.is_recording()).cloned();
        it.set(current);
        recorded
    };
    CURRENT.try_with(clone).ok().flatten()
}

/// While it lives, the context of a request and the request itself are the current ones.
///
/// A future enters around each poll and must not keep it across an `.await`.
#[derive(Debug)]
#[must_use = "the request is current only as long as this lives"]
pub struct Entered<'a> {
    context: Option<ContextGuard>,
    lent: &'a mut Option<RequestSpan>,
}

impl<'a> Entered<'a> {
    /// The handle is lent to the thread: a swap costs less than counting a reference.
    #[inline]
    pub(crate) fn new(context: Option<Context>, lent: &'a mut Option<RequestSpan>) -> Self {
        swap(lent);
        Self { context: context.map(Context::attach), lent }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        drop(self.context.take());
        swap(self.lent);
    }
}

#[inline]
fn swap(lent: &mut Option<RequestSpan>) {
    // Fails only while the thread ends, when there is no request to serve.
    let _ = CURRENT.try_with(|it| *lent = it.replace(lent.take()));
}
