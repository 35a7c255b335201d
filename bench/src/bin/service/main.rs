//! The two services of the quickstart for `cargo xtask bench --load`: `service bare`, or
//! `service instrumented`, which sends its telemetry to where the environment says. It prints the
//! address of the shop and, when it is interrupted, how many spans it has recorded and delivered.
//!
//! The handlers are the files of examples/quickstart.

#![expect(clippy::print_stdout, reason = "it prints")]
#![expect(clippy::duplicate_mod, reason = "the shop has one client or the other")]

mod bare;
mod instrumented;
#[path = "../../../../examples/quickstart/src/warehouse.rs"]
mod warehouse;

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use reqwest::Client;
use tokio::net::TcpListener;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result {
    match std::env::args().nth(1).as_deref() {
        Some("bare") => {
            let warehouse = serve(warehouse::router()).await?;
            let shop = serve(bare::router(warehouse, Client::new())).await?;
            println!("{shop}");
            tokio::signal::ctrl_c().await?;
        }
        Some("instrumented") => {
            let logfire = logfire_rs::configure().service_name("load").console(false).finish()?;
            let client = logfire_rs::instrument_reqwest(Client::new());
            let warehouse = serve(logfire_rs::instrument_axum(warehouse::router())).await?;
            let shop = instrumented::router(warehouse, client);
            let shop = serve(logfire_rs::instrument_axum(shop)).await?;
            println!("{shop}");
            tokio::signal::ctrl_c().await?;
            for spans in logfire.export_statistics().spans {
                println!("{} {}", spans.recorded, spans.delivered);
            }
            // The process ends now, whatever a destination that does not answer still has to get.
            std::process::exit(0);
        }
        _ => return Err("the argument is `bare` or `instrumented`".into()),
    }
    Ok(())
}

async fn serve(app: Router) -> Result<SocketAddr> {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}
