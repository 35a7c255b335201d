//! An instrumented reqwest client: the default, a URL filter, bodies, and an error.
//!
//! `cargo run -p reqwest-client` starts a server on the loopback interface, sends a few requests to
//! it, and prints the spans. It needs neither an account nor a collector: any SDK of OpenTelemetry
//! goes with the client, and here it is one that keeps the spans in memory.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use axum::{Router, routing};
use logfire_rs_reqwest::{Client, FilterUrl, HttpClientOptions, instrument_with};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = serve().await?;
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let options = || HttpClientOptions::default().tracer_provider(provider.clone());
    let client = |options| instrument_with(reqwest::Client::new(), options);

    hello(&client(options()), &server).await?;
    print("the default", &spans)?;

    login(&client(options().url_filter(mask_url)), &server).await?;
    print("a URL filter", &spans)?;

    let bodies = options().capture_request_body(true).capture_response_body(true);
    order(&client(bodies), &server).await?;
    print("bodies", &spans)?;

    client(options()).get(format!("{server}/nowhere")).send().await?;
    client(options()).get("http://127.0.0.1:1/").send().await.err();
    print("errors", &spans)
}

async fn hello(client: &Client, server: &str) -> reqwest::Result<String> {
    client.get(format!("{server}/hello")).send().await?.text().await
}

async fn login(client: &Client, server: &str) -> reqwest::Result<()> {
    let query = [("username", "ada"), ("password", "secret"), ("lang", "en")];
    client.get(format!("{server}/hello")).query(&query).send().await?;
    Ok(())
}

async fn order(client: &Client, server: &str) -> reqwest::Result<String> {
    let request = client.post(format!("{server}/users/1/orders")).json(&json!({"item": "tea"}));
    request.url_template("/users/{id}/orders").send().await?.text().await
}

/// Masks what is personal or secret in the queries of this application.
fn mask_url(url: &FilterUrl<'_>) -> String {
    const SECRET: [&str; 6] = ["username", "password", "token", "api_key", "api_secret", "apikey"];
    url.with_query_pairs(url.query_pairs().map(|(key, value)| {
        let value = if SECRET.contains(&&*key) { "*****".into() } else { value };
        (key, value)
    }))
}

async fn serve() -> Result<String, Box<dyn Error>> {
    let app = Router::new()
        .route("/hello", routing::get(|| async { "hello" }))
        .route("/users/{id}/orders", routing::post(|body: String| async move { body }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

fn print(title: &str, spans: &InMemorySpanExporter) -> Result<(), Box<dyn Error>> {
    println!("# {title}");
    for SpanData { name, status, attributes, .. } in spans.get_finished_spans()? {
        println!("{name} ({status:?})");
        for attribute in attributes {
            println!("    {} = {}", attribute.key, attribute.value);
        }
    }
    println!();
    spans.reset();
    Ok(())
}
