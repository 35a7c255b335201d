//! Metrics to one outlet.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{PeriodicReader, Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};

use super::{Outlet, encode::submit_to_all, milliseconds};
use crate::environment::Environment;

/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#periodic-exporting-metricreader>
const INTERVAL: Duration = Duration::from_secs(60);

/// A reader of its own per outlet, because temporality belongs to the reader.
pub(crate) fn metric_reader(
    outlet: Outlet,
    env: &Environment,
) -> PeriodicReader<impl PushMetricExporter> {
    let interval = milliseconds(env, &["OTEL_METRIC_EXPORT_INTERVAL"]).unwrap_or(INTERVAL);
    PeriodicReader::builder(Exporter { outlet }).with_interval(interval).build()
}

#[derive(Debug)]
struct Exporter {
    outlet: Outlet,
}

impl PushMetricExporter for Exporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        submit_to_all(std::slice::from_ref(&self.outlet), &request)
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.outlet.temporality
    }
}
