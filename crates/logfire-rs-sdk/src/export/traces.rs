//! Spans to their outlets.

use std::time::Duration;

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
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter},
};

use super::{Outlet, encode::submit_to_all, milliseconds};
use crate::environment::Environment;

/// As Logfire's Python SDK does: spans are to be seen soon.
const SCHEDULE_DELAY: Duration = Duration::from_millis(500);

/// A batch processor with the variables of the specification.
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor>
pub(crate) fn span_processor(outlets: Vec<Outlet>, env: &Environment) -> BatchSpanProcessor {
    let size = |name: &str, default| {
        let parse = |text: &str| text.parse().ok().filter(|size| *size > 0);
        env.parsed(&[name], "a positive number", parse).unwrap_or(default)
    };
    let delay = milliseconds(env, &["OTEL_BSP_SCHEDULE_DELAY"]).unwrap_or(SCHEDULE_DELAY);
    let config = BatchConfigBuilder::default()
        .with_scheduled_delay(delay)
        .with_max_queue_size(size("OTEL_BSP_MAX_QUEUE_SIZE", 2048))
        .with_max_export_batch_size(size("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512))
        .build();
    let exporter = Exporter { outlets, resource: ResourceAttributesWithSchema::default() };
    BatchSpanProcessor::builder(exporter).with_batch_config(config).build()
}

#[derive(Debug)]
struct Exporter {
    outlets: Vec<Outlet>,
    resource: ResourceAttributesWithSchema,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        submit_to_all(&self.outlets, &ExportTraceServiceRequest { resource_spans })
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
