//! Log records to their outlets.

use std::{sync::Arc, time::Duration};

use opentelemetry::{InstrumentationScope, logs::Severity};
use opentelemetry_proto::{
    tonic::collector::logs::v1::ExportLogsServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema, logs::tonic::group_logs_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{
        BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord,
    },
};

use super::{
    Outlet,
    accounts::{Accounts, Tell},
    encode::submit_to_all,
    milliseconds, size,
};
use crate::environment::Environment;

/// As for spans: logs are to be seen soon.
const SCHEDULE_DELAY: Duration = Duration::from_millis(500);

/// A batch processor with the variables of the specification.
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-logrecord-processor>
pub(crate) fn log_processor(
    outlets: Vec<Outlet>,
    accounts: Arc<Accounts>,
    env: &Environment,
) -> impl LogProcessor + use<> {
    let delay = milliseconds(env, &["OTEL_BLRP_SCHEDULE_DELAY"]).unwrap_or(SCHEDULE_DELAY);
    let room = size(env, "OTEL_BLRP_MAX_QUEUE_SIZE", 2048);
    let config = BatchConfigBuilder::default()
        .with_scheduled_delay(delay)
        .with_max_queue_size(room)
        .with_max_export_batch_size(size(env, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512))
        .build();
    let resource = ResourceAttributesWithSchema::default();
    let exporter = Exporter { outlets, resource, accounts: Arc::clone(&accounts) };
    let batch = BatchLogProcessor::builder(exporter).with_batch_config(config).build();
    Counting { batch, accounts, room }
}

/// Turns away what the queue has no room for, before the batch processor does, which tells nobody.
#[derive(Debug)]
struct Counting {
    batch: BatchLogProcessor,
    accounts: Arc<Accounts>,
    room: usize,
}

impl LogProcessor for Counting {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.accounts.logs.admit(self.room, true) {
            self.batch.emit(record, scope);
        }
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.batch.event_enabled(level, target, name)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batch.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.batch.shutdown_with_timeout(timeout);
        self.accounts.logs.close();
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batch.set_resource(resource);
    }
}

#[derive(Debug)]
struct Exporter {
    outlets: Vec<Outlet>,
    resource: ResourceAttributesWithSchema,
    accounts: Arc<Accounts>,
}

impl LogExporter for Exporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        self.accounts.logs.hand_over(count, count as u64);
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let result = submit_to_all(&self.outlets, &ExportLogsServiceRequest { resource_logs });
        self.accounts.tell(Tell::IfDue);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
