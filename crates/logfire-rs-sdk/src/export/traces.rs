//! Spans to their outlets.

use std::{sync::Arc, time::Duration};

use opentelemetry::Context;
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, RandomIdGenerator, Span, SpanData, SpanExporter,
        SpanProcessor,
    },
};

use super::{
    Outlet,
    accounts::{Accounts, Tell},
    encode::submit_to_all,
    milliseconds, size,
};
use crate::{Scrubber, data_model, environment::Environment, old_names};

/// As Logfire's Python SDK does: spans are to be seen soon.
const SCHEDULE_DELAY: Duration = Duration::from_millis(500);
/// The defaults of the specification.
const QUEUE: usize = 2048;
const BATCH: usize = 512;

/// A batch processor with the variables of the specification.
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor>
pub(crate) fn span_processor(
    outlets: Vec<Outlet>,
    accounts: Arc<Accounts>,
    scrubber: Scrubber,
    env: &Environment,
) -> impl SpanProcessor + use<> {
    let delay = milliseconds(env, &["OTEL_BSP_SCHEDULE_DELAY"]).unwrap_or(SCHEDULE_DELAY);
    let (to_logfire, to_others): (Vec<_>, Vec<_>) =
        outlets.into_iter().partition(|outlet| outlet.is_logfire);
    let announcing = (!to_logfire.is_empty()).then(RandomIdGenerator::default);
    // A span that is announced takes two places.
    let queue = if announcing.is_some() { 2 * QUEUE } else { QUEUE };
    let room = size(env, "OTEL_BSP_MAX_QUEUE_SIZE", queue);
    let config = BatchConfigBuilder::default()
        .with_scheduled_delay(delay)
        .with_max_queue_size(room)
        .with_max_export_batch_size(size(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH))
        .build();
    let resource = ResourceAttributesWithSchema::default();
    let exporter = Exporter {
        to_logfire,
        to_others,
        resource,
        accounts: Arc::clone(&accounts),
        old_names: old_names::are_wanted(env),
    };
    let exporter = scrubber.wrap(exporter);
    let batch = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    Counting { batch, announcing, accounts, room }
}

/// Batches spans, and with Logfire among the outlets also what announces them.
///
/// It turns away what the queue has no room for, before the batch processor does, which tells nobody.
#[derive(Debug)]
struct Counting {
    batch: BatchSpanProcessor,
    announcing: Option<RandomIdGenerator>,
    accounts: Arc<Accounts>,
    room: usize,
}

impl SpanProcessor for Counting {
    fn on_start(&self, span: &mut Span, _cx: &Context) {
        if let Some(ids) = &self.announcing
            && let Some(pending) = data_model::pending(span, ids)
            && self.accounts.spans.admit(self.room, false)
        {
            self.batch.on_end(pending);
        }
    }

    fn on_end(&self, span: SpanData) {
        if data_model::is_pending(&span) {
            // From tail sampling, which announces late.
            if self.announcing.is_some() && self.accounts.spans.admit(self.room, false) {
                self.batch.on_end(span);
            }
        } else if span.span_context.is_sampled() && self.accounts.spans.admit(self.room, true) {
            self.batch.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batch.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.batch.shutdown_with_timeout(timeout);
        self.accounts.spans.close();
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batch.set_resource(resource);
    }
}

#[derive(Debug)]
struct Exporter {
    to_logfire: Vec<Outlet>,
    /// Only Logfire knows what a pending span is.
    to_others: Vec<Outlet>,
    resource: ResourceAttributesWithSchema,
    accounts: Arc<Accounts>,
    old_names: bool,
}

impl SpanExporter for Exporter {
    /// Messages and levels are added here, on the thread that exports, so that no request waits for them.
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let ended = batch.iter().filter(|span| !data_model::is_pending(span)).count();
        self.accounts.spans.hand_over(batch.len(), ended as u64);
        data_model::remove_outdated_pending(&mut batch);
        batch.iter_mut().for_each(data_model::complete);
        if self.old_names {
            batch.iter_mut().for_each(old_names::add);
        }
        let mut result = Ok(());
        if !self.to_logfire.is_empty() {
            let rest = if self.to_others.is_empty() { Vec::new() } else { batch.clone() };
            let all = std::mem::replace(&mut batch, rest);
            result = submit_to_all(&self.to_logfire, &self.request(all));
        }
        batch.retain(|span| !data_model::is_pending(span));
        if !batch.is_empty() {
            result = result.and(submit_to_all(&self.to_others, &self.request(batch)));
        }
        self.accounts.tell(Tell::IfDue);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

impl Exporter {
    fn request(&self, batch: Vec<SpanData>) -> ExportTraceServiceRequest {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        ExportTraceServiceRequest { resource_spans }
    }
}
