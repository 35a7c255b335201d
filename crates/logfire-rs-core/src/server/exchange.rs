//! The end of a request: attributes, status and metrics, exactly once.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{KeyValue, Value};

use super::Engine;
use super::series::Series;
use crate::attributes::{self as keys, attribute};
use crate::backend::StartSpan;
use crate::message::HttpVersion;
use crate::metrics::HttpMetrics;
use crate::options::HttpServerOptions;
use crate::request_span::{Exchange, Notes, RequestSpan};
use crate::series::Point;
use crate::{names, redaction};

/// What it takes to end the span of a server.
pub(crate) struct ServerExchange {
    pub(super) engine: Arc<Engine>,
    pub(super) wall: SystemTime,
    pub(super) clock: Instant,
    pub(super) scheme: &'static str,
    pub(super) version: Option<HttpVersion>,
    /// Who keeps the span open: the [`ServerSpan`](super::ServerSpan) and each
    /// [`KeepOpen`](super::KeepOpen).
    pub(super) open: AtomicUsize,
}

impl ServerExchange {
    pub(crate) fn options(&self) -> &HttpServerOptions {
        &self.engine.config.options
    }

    /// What makes the spans inside of a request's.
    pub(crate) fn tracer(&self) -> Option<&dyn StartSpan> {
        self.engine.backend().tracer()
    }

    /// Gives up one hold on the span; the last one ends it.
    pub(super) fn release(&self, exchange: &Exchange) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish(exchange);
        }
    }

    /// Ends the span, whoever still holds it.
    pub(super) fn finish(&self, exchange: &Exchange) {
        // Nothing below runs under the lock.
        let Some(mut notes) = exchange.notes().end() else { return };
        let elapsed = self.clock.elapsed();
        let endpoint = notes.endpoint.take();
        let error = error_type(&notes);
        if let Some(metrics) = &self.engine.backend().metrics {
            let unknown = (!notes.duration_is_recorded).then_some(elapsed);
            self.measure(exchange, &notes, error.as_ref(), metrics, unknown);
        }
        if let Some(active) = &self.engine.resolved().active {
            active.ended(exchange.method, self.scheme);
        }
        if exchange.recording {
            if let Some(endpoint) = endpoint {
                exchange.context.span().set_attributes(endpoint.into_attributes());
            }
            self.end_span(exchange, &notes, error, elapsed);
        }
    }

    /// Records the duration of a request whose answer goes on for as long as anyone listens.
    pub(super) fn record_duration_now(&self, exchange: &Exchange) {
        let Some(metrics) = &self.engine.backend().metrics else { return };
        let mut notes = exchange.notes();
        if notes.ended || notes.duration_is_recorded {
            return;
        }
        notes.duration_is_recorded = true;
        let point = notes.point();
        drop(notes);
        let elapsed = Some(self.clock.elapsed());
        self.measure(exchange, &point, error_type(&point).as_ref(), metrics, elapsed);
    }

    /// Records what is known, in the context of the request.
    fn measure(
        &self,
        exchange: &Exchange,
        notes: &Notes,
        error: Option<&Value>,
        metrics: &HttpMetrics,
        elapsed: Option<Duration>,
    ) {
        let sizes = metrics.body_sizes.as_ref().filter(|_| notes.received.or(notes.sent).is_some());
        if elapsed.is_none() && sizes.is_none() {
            return;
        }
        let _current = exchange.context.clone().attach();
        let own;
        let attributes = || self.metric_attributes(exchange, notes, error);
        let known = self.engine.resolved().series.as_ref();
        let known = known.zip(Series::of(exchange, self, notes)).and_then(|(all, series)| {
            all.find(series, series.mixed(), &metrics.duration, attributes)
        });
        let point = match known {
            Some(known) => known,
            None => {
                own = Point::new(attributes());
                &own
            }
        };
        if let Some(elapsed) = elapsed {
            point.record_duration(elapsed.as_secs_f64(), &metrics.duration);
        }
        if let Some(sizes) = sizes {
            if let Some(received) = notes.received {
                sizes.request.record(received, &point.attributes);
            }
            if let Some(sent) = notes.sent {
                sizes.response.record(sent, &point.attributes);
            }
        }
    }

    /// Nothing of it is in the hands of a client: no host, no path, no text.
    fn metric_attributes(
        &self,
        exchange: &Exchange,
        notes: &Notes,
        error: Option<&Value>,
    ) -> Vec<KeyValue> {
        let more = notes.metric_attributes();
        let mut set = Vec::with_capacity(6 + more.len());
        set.push(attribute(keys::HTTP_REQUEST_METHOD, exchange.method.as_str()));
        set.push(attribute(keys::URL_SCHEME, self.scheme));
        if let Some(route) = &notes.route {
            set.push(KeyValue::new(keys::HTTP_ROUTE, route.value()));
        }
        if let Some(version) = self.version {
            set.push(attribute(keys::NETWORK_PROTOCOL_VERSION, version.as_str()));
        }
        if let Some(status) = notes.status {
            set.push(attribute(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
        }
        if let Some(error) = error {
            set.push(attribute(keys::ERROR_TYPE, error.clone()));
        }
        for attribute in more {
            if set.iter().all(|it| it.key != attribute.key) {
                set.push(attribute.clone());
            }
        }
        set
    }

    fn end_span(
        &self,
        exchange: &Exchange,
        notes: &Notes,
        error: Option<Value>,
        elapsed: Duration,
    ) {
        let span = exchange.context.span();
        if let Some(route) = &notes.route
            && !notes.route_is_recorded
        {
            span.set_attribute(KeyValue::new(keys::HTTP_ROUTE, route.value()));
            if !notes.name_is_set {
                span.update_name(names::name(exchange.method.span_name(), route.as_str()).0);
            }
        }
        if self.engine.config.body_sizes {
            for (key, size) in [
                (keys::HTTP_REQUEST_BODY_SIZE, notes.received),
                (keys::HTTP_RESPONSE_BODY_SIZE, notes.sent),
            ] {
                if let Some(size) = size {
                    span.set_attribute(attribute(key, i64::try_from(size).unwrap_or(i64::MAX)));
                }
            }
        }
        if let Some(error) = error {
            span.set_attribute(KeyValue::new(keys::ERROR_TYPE, error));
            span.set_status(Status::error(notes.failure_text().to_owned()));
        }
        span.end_with_timestamp(self.wall + elapsed);
    }
}

/// What failed comes first, then the application's word on its 5xx, then the code.
fn error_type(notes: &Notes) -> Option<Value> {
    let failed_status = notes.status.filter(|it| *it >= 500);
    match (notes.failure, failed_status, notes.error) {
        (Some(failure), ..) => Some(Value::from(failure)),
        (None, Some(_), Some(error)) => Some(Value::from(error)),
        (None, Some(status), None) => Some(keys::status_text(status)),
        (None, None, _) => None,
    }
}

/// Records why there is no complete answer, unless something failed before.
pub(super) fn record_failure(
    handle: &RequestSpan,
    error_type: &'static str,
    message: impl FnOnce() -> String,
) {
    let text = if handle.0.recording { redaction::mask_text(&message()) } else { String::new() };
    let mut notes = handle.0.notes();
    if notes.ended || notes.failure.is_some() {
        return;
    }
    notes.failure = Some(error_type);
    if !text.is_empty() {
        notes.extras().failure_text.clone_from(&text);
    }
    drop(notes);
    if handle.0.recording {
        let event = keys::exception(error_type, text);
        handle.0.context.span().add_event(keys::EXCEPTION, event);
    }
}

/// What a panic says.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use crate::headers::tests::Lines;
    use crate::message::tests::get;
    use crate::{HttpServerInstrumenter, HttpServerOptions};

    #[test]
    fn a_series_that_nothing_is_recorded_in_is_not_kept() {
        let options = HttpServerOptions::default().env_lookup(|_| None);
        let options = options.meter_provider(SdkMeterProvider::default());
        let instrumenter = HttpServerInstrumenter::new("test", "0", "TEST", options);
        let mut span = instrumenter.start(&get("/events"));
        // The duration of what has no end is recorded at once, and no other one is at its end.
        span.record_response(200, &Lines(&[("content-type", b"text/event-stream")]));
        span.record_response(204, &Lines(&[]));
        drop(span);
        let series = instrumenter.0.resolved().series.as_ref().unwrap();
        assert_eq!(series.kept(), 1);
    }
}
