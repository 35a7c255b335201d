//! What exports over gRPC is never recorded itself. A process of its own, because it sets the globals.

#![cfg(all(feature = "otlp-grpc", feature = "tracing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[expect(dead_code, reason = "shared with the tests of the delivery crate, which use all of it")]
#[path = "../../logfire-rs-delivery/tests/grpc_receiver/mod.rs"]
mod grpc_receiver;

use grpc_receiver::GrpcReceiver;
use logfire_rs_sdk::configure;
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::any_value::Value,
};
use prost::Message;

#[test]
fn an_export_at_the_most_talkative_level_records_nothing_of_itself() {
    let receiver = GrpcReceiver::start();
    let endpoint = receiver.url();
    let logfire = configure()
        .console(false)
        .env_lookup(move |name| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
            "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
            "RUST_LOG" => Some("trace".to_owned()),
            _ => None,
        })
        .finish()
        .unwrap();
    // Several exports, so that what one of them had recorded would be in the next.
    for _ in 0..3 {
        tracing::info_span!("work").in_scope(|| tracing::info!("inside"));
        logfire.force_flush().unwrap();
    }
    logfire.shutdown().unwrap();

    let (mut spans, mut logs) = (Vec::new(), Vec::new());
    for call in receiver.calls() {
        if call.path.contains("TraceService") {
            let request = ExportTraceServiceRequest::decode(call.message.as_slice()).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|it| it.scope_spans);
            spans.extend(scopes.flat_map(|it| it.spans).map(|span| span.name));
        } else if call.path.contains("LogsService") {
            let request = ExportLogsServiceRequest::decode(call.message.as_slice()).unwrap();
            let scopes = request.resource_logs.into_iter().flat_map(|it| it.scope_logs);
            let records = scopes.flat_map(|it| it.log_records);
            logs.extend(records.map(|record| match record.body.and_then(|body| body.value) {
                Some(Value::StringValue(text)) => text,
                other => format!("{other:?}"),
            }));
        }
    }
    assert_eq!(spans, ["work"; 3]);
    assert_eq!(logs, ["inside"; 3]);
}
