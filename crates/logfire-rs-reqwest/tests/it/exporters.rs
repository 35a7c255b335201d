//! Requests of telemetry itself, which must not make more telemetry.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use logfire_rs_reqwest::Client;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_http::HttpClient;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

use crate::servers::Server;
use crate::telemetry::{Telemetry, plain};

#[tokio::test]
async fn an_exporter_may_use_an_instrumented_client() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let request = http::Request::post(server.url("/echo")).body(Bytes::from("hello")).unwrap();
    let response = telemetry.client().send_bytes(request).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"hello"[..]));
    assert!(response.headers().contains_key("date"));
    assert_eq!(telemetry.take().len(), 0);
    assert!(!server.seen()[0].headers.contains_key("traceparent"));
    let request = http::Request::post(crate::servers::refused()).body(Bytes::new()).unwrap();
    assert!(telemetry.client().send_bytes(request).await.is_err());
}

#[tokio::test]
async fn the_endpoints_of_exporters_are_not_recorded() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let base = server.url("");
    let lookup = move |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| base.clone());
    let client = telemetry.client_with(telemetry.options().env_lookup(lookup));
    client.post(server.url("/v1/traces")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 0);
    client.post(server.url("/v1/other")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
}

/// Sends each span at once, outside of any suppression.
#[derive(Debug)]
struct Exporter {
    client: std::sync::Arc<std::sync::OnceLock<Client>>,
    url: String,
    runtime: tokio::runtime::Handle,
}

impl SpanExporter for Exporter {
    fn export(&self, _: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let request = http::Request::post(&self.url).body(Bytes::new()).unwrap();
        let client = self.client.get().unwrap().clone();
        self.runtime.spawn(async move { client.send_bytes(request).await });
        std::future::ready(Ok(()))
    }
}

#[tokio::test]
async fn one_request_is_exported_once() {
    let server = Server::start().await;
    let client = std::sync::Arc::<std::sync::OnceLock<Client>>::default();
    let runtime = tokio::runtime::Handle::current();
    let exporter = Exporter { client: client.clone(), url: server.url("/v1/traces"), runtime };
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    let options = Telemetry::new().options().tracer_provider(provider.clone());
    let instrumented = logfire_rs_reqwest::instrument_with(plain(), options);
    client.set(instrumented.clone()).unwrap();
    instrumented.get(server.url("/")).send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.seen().len(), 2);
    drop(provider.tracer("test").start("after"));
}
