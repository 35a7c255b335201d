//! An instrumented tower service on hyper, with a plain OpenTelemetry SDK that prints its spans.
//!
//! `cargo run -p example-plain-opentelemetry`, and in another terminal
//! `curl http://127.0.0.1:8080/users/1`.

use std::convert::Infallible;
use std::error::Error;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use opentelemetry::global;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_stdout::SpanExporter;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use tower::service_fn;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("example").build())
        .with_simple_exporter(SpanExporter::default())
        .build();
    global::set_tracer_provider(provider.clone());

    let service = logfire_rs::instrument_tower(service_fn(answer));

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = tokio::select! {
            connection = listener.accept() => connection?,
            _ = ctrl_c() => break,
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await
        });
    }
    provider.shutdown()?;
    Ok(())
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(format!("You asked for {}", request.uri().path()).into()))
}
