//! The exporters of OpenTelemetry beside instrumented clients: nothing is recorded about exporting.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use logfire_rs_conformance::bind;
use logfire_rs_core::HttpClientOptions;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prost::Message as _;

/// A collector for OTLP over HTTP and gRPC, which is also the server that the application asks.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    /// The names of the spans that were exported.
    spans: Vec<String>,
    /// How many exports had a trace header.
    traced: usize,
}

async fn collect(State(collector): State<Collector>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let is_grpc = head.uri.path() == "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    if !is_grpc && head.uri.path() != "/v1/traces" {
        return Response::new(Body::from("hello"));
    }
    // A message of gRPC comes after a flag and its length.
    let message = if is_grpc { body.slice(5..) } else { body };
    let message = ExportTraceServiceRequest::decode(message).unwrap();
    let scopes = message.resource_spans.into_iter().flat_map(|it| it.scope_spans);
    let names = scopes.flat_map(|it| it.spans).map(|it| it.name);
    let mut collected = collector.0.lock().unwrap();
    collected.spans.extend(names);
    collected.traced += usize::from(head.headers.contains_key("traceparent"));
    if !is_grpc {
        return Response::new(Body::empty());
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
    let frames = frames.map(Ok::<_, std::convert::Infallible>);
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

async fn serve() -> (String, Collector) {
    let collector = Collector::default();
    let (listener, address) = bind().await;
    let app = Router::new().fallback(collect).with_state(collector.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), collector)
}

/// Without a word about exporters: what they send is not to be recorded for their own sake.
fn options(provider: &SdkTracerProvider) -> HttpClientOptions {
    HttpClientOptions::default()
        .tracer_provider(provider.clone())
        .metrics(false)
        .env_lookup(|_| None)
}

/// The clients are made before the provider, so it is handed to them later.
#[derive(Clone, Debug, Default)]
struct Late(Arc<std::sync::OnceLock<SdkTracerProvider>>);

impl opentelemetry::trace::TracerProvider for Late {
    type Tracer = opentelemetry_sdk::trace::SdkTracer;

    fn tracer_with_scope(&self, scope: opentelemetry::InstrumentationScope) -> Self::Tracer {
        self.0.get().unwrap().tracer_with_scope(scope)
    }
}

fn builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// What the collector has when the one request of the application was exported, and a while after.
async fn collected(
    client: &logfire_rs_reqwest::Client,
    provider: SdkTracerProvider,
    (base, collector): &(String, Collector),
) -> Vec<String> {
    client.get(format!("{base}/work")).send().await.unwrap().bytes().await.unwrap();
    // More rounds than a loop needs to show.
    for _ in 0..5 {
        let provider = provider.clone();
        tokio::task::spawn_blocking(move || provider.force_flush()).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let collected = collector.0.lock().unwrap();
    assert_eq!(collected.traced, 0);
    collected.spans.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_with_an_instrumented_client() {
    let server = serve().await;
    let late = Late::default();
    let client = logfire_rs_reqwest::instrument_with(
        builder().build().unwrap(),
        HttpClientOptions::default()
            .tracer_provider(late.clone())
            .metrics(false)
            .env_lookup(|_| None),
    );
    let exporter = SpanExporter::builder().with_http().with_http_client(client.clone());
    let exporter = exporter.with_endpoint(format!("{}/v1/traces", server.0)).build().unwrap();
    // This processor exports on the thread that ends the span, without suppressing anything.
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    late.0.set(provider.clone()).unwrap();
    assert_eq!(collected(&client, provider, &server).await, ["GET"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_with_a_blocking_instrumented_client() {
    let server = serve().await;
    let late = Late::default();
    let instrumented = HttpClientOptions::default().tracer_provider(late.clone());
    let instrumented = instrumented.metrics(false).env_lookup(|_| None);
    let blocking = tokio::task::spawn_blocking(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        logfire_rs_reqwest::blocking::instrument_with(plain, instrumented)
    });
    let blocking = blocking.await.unwrap();
    let exporter = SpanExporter::builder().with_http().with_http_client(blocking);
    let exporter = exporter.with_endpoint(format!("{}/v1/traces", server.0)).build().unwrap();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    late.0.set(provider.clone()).unwrap();
    let client =
        logfire_rs_reqwest::instrument_with(builder().build().unwrap(), options(&provider));
    assert_eq!(collected(&client, provider, &server).await, ["GET"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_grpc() {
    let server = serve().await;
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(server.0.clone());
    let exporter = exporter.build().unwrap();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let client =
        logfire_rs_reqwest::instrument_with(builder().build().unwrap(), options(&provider));
    assert_eq!(collected(&client, provider, &server).await, ["GET"]);
}
