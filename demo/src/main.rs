//! A trace viewer for `cargo xtask demo`: takes OTLP over gRPC, and shows it in the Jaeger UI.
//!
//! `cargo run -- UI OTLP`, with two addresses: where to look, and where to send.

use std::{env, error::Error, net::SocketAddr};

use otlp_embedded::{Config, State, TraceServiceImpl, TraceServiceServer, ui_app};
use tokio::net::TcpListener;
use tonic::{codec::CompressionEncoding, transport::Server};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result {
    let mut addresses = env::args().skip(1);
    let mut address = || addresses.next().ok_or("which addresses? `demo UI OTLP`");
    let ui = TcpListener::bind(address()?).await?;
    let otlp: SocketAddr = address()?.parse()?;

    let traces = State::new(Config { max_length: 100, max_memory_usage: 128 << 20 });
    let receiver = TraceServiceServer::new(TraceServiceImpl::new(traces.clone()))
        .accept_compressed(CompressionEncoding::Gzip);
    tokio::spawn(async move { axum::serve(ui, ui_app(traces, "/")).await });
    Server::builder().add_service(receiver).serve(otlp).await?;
    Ok(())
}
