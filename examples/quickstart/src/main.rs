//! Two instrumented services in one process: a shop that asks a warehouse.
//!
//! `cargo run -p quickstart` sends the shop a handful of requests, whose traces appear in the
//! terminal, and then waits for yours; with `--once` it ends. Set `OTEL_EXPORTER_OTLP_ENDPOINT` to
//! send the same traces to a collector, or `LOGFIRE_TOKEN` to send them to Logfire.

#![expect(clippy::print_stdout, reason = "it talks to the person who runs it")]

mod shop;
mod warehouse;

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use logfire_rs::Logfire;
use logfire_rs::reqwest::Client;
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let once = std::env::args().any(|it| it == "--once");
    let logfire = logfire_rs::configure().service_name("quickstart").finish()?;

    let warehouse = serve(warehouse::router(), "127.0.0.1:0").await?;
    let client = logfire_rs::instrument_reqwest(reqwest::Client::new());
    let shop = shop::router(warehouse, client);
    let shop = serve(shop, if once { "127.0.0.1:0" } else { SHOP }).await?;
    println!("The shop listens on http://{shop}, the warehouse on http://{warehouse}.");

    drive(shop, &logfire).await?;
    println!("\nTry it yourself:  curl http://{shop}/articles/teapot");
    if !once {
        println!("Ctrl-C ends it.");
        tokio::signal::ctrl_c().await?;
    }
    logfire.shutdown()?;
    Ok(())
}

/// Where the shop listens, to be tried by hand.
const SHOP: &str = "127.0.0.1:8080";

/// The one line: `instrument_axum`, around the finished router.
async fn serve(router: Router, address: &str) -> Result<SocketAddr> {
    let app = logfire_rs::instrument_axum(router);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// What people ask the shop for, the trace of each request, and the answer.
async fn drive(shop: SocketAddr, logfire: &Logfire) -> Result<()> {
    let people = reqwest::Client::new();
    for path in
        ["/articles/teapot?color=blue", "/articles/unicorn", "/checkout", "/catalog", "/nowhere"]
    {
        println!("\n$ curl 'http://{shop}{path}'");
        let answer = people.get(format!("http://{shop}{path}")).send().await?;
        let status = answer.status();
        let length = answer.bytes().await?.len();
        logfire.force_flush()?;
        println!("# {status}, {length} bytes");
    }
    Ok(())
}
