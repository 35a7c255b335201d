//! `soak FRONT_END`: serves the site with its telemetry exported to where the environment says, for `cargo xtask soak`.
//!
//! It prints its address and, when its input ends, what became of its spans.

#![expect(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use logfire_rs_conformance::{FRONT_ENDS, Site};
use logfire_rs_core::HttpServerOptions;
use opentelemetry::trace::TracerProvider as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let front_end = FRONT_ENDS.iter().find(|it| it.name == name);
    let front_end = front_end.ok_or("the argument is the name of a front end")?;
    // The site panics on purpose, and often.
    std::panic::set_hook(Box::new(|_| ()));

    let logfire = logfire_rs_sdk::configure().service_name("soak").console(false).finish()?;
    let options = HttpServerOptions::default()
        .capture_headers(true)
        .record_body_sizes(true)
        .record_send_receive(true);
    let site = Site::with_tracer(logfire.tracer_provider().tracer("application"), options);
    println!("{}", (front_end.serve)(site).await);

    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    // What is lost is told below.
    let shut_down = tokio::task::spawn_blocking(move || {
        let _ = logfire.shutdown_with_timeout(Duration::from_secs(60));
        logfire.export_statistics()
    });
    for spans in shut_down.await?.spans {
        println!("{} {} {}", spans.recorded, spans.delivered, spans.dropped);
    }
    // The servers have no end of their own.
    std::process::exit(0);
}
