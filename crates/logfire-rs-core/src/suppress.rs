//! Work that is not to be recorded.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll};

use opentelemetry::Context;

/// Runs `future` without any telemetry: no spans, no metrics of requests, no trace headers.
///
/// For calls that telemetry itself makes, such as those of an exporter.
///
/// ```
/// # async fn refresh_token() {}
/// # async fn example() {
/// logfire_rs_core::suppress_instrumentation(refresh_token()).await;
/// # }
/// ```
pub async fn suppress_instrumentation<F: Future>(future: F) -> F::Output {
    Suppressed(pin!(future)).await
}

struct Suppressed<'a, F>(Pin<&'a mut F>);

impl<F: Future> Future for Suppressed<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        self.0.as_mut().poll(cx)
    }
}
