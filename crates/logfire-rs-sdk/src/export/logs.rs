//! Log records to their outlets.

use std::time::Duration;

use opentelemetry_proto::{
    tonic::collector::logs::v1::ExportLogsServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema, logs::tonic::group_logs_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter},
};

use super::{Outlet, encode::submit_to_all, milliseconds, size};
use crate::environment::Environment;

/// As for spans: logs are to be seen soon.
const SCHEDULE_DELAY: Duration = Duration::from_millis(500);

/// A batch processor with the variables of the specification.
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-logrecord-processor>
pub(crate) fn log_processor(outlets: Vec<Outlet>, env: &Environment) -> BatchLogProcessor {
    let delay = milliseconds(env, &["OTEL_BLRP_SCHEDULE_DELAY"]).unwrap_or(SCHEDULE_DELAY);
    let config = BatchConfigBuilder::default()
        .with_scheduled_delay(delay)
        .with_max_queue_size(size(env, "OTEL_BLRP_MAX_QUEUE_SIZE", 2048))
        .with_max_export_batch_size(size(env, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512))
        .build();
    let exporter = Exporter { outlets, resource: ResourceAttributesWithSchema::default() };
    BatchLogProcessor::builder(exporter).with_batch_config(config).build()
}

#[derive(Debug)]
struct Exporter {
    outlets: Vec<Outlet>,
    resource: ResourceAttributesWithSchema,
}

impl LogExporter for Exporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        submit_to_all(&self.outlets, &ExportLogsServiceRequest { resource_logs })
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
