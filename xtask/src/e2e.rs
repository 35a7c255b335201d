//! `cargo xtask e2e`: the quickstart sends its telemetry to a real collector, over each protocol, and what arrived is one
//! trace; so do a page in a real browser and its server.

mod browser;
pub(crate) mod collector;
mod expectations;
mod received;

use std::{
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use collector::{Collector, Keep};
use received::Received;
use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    metadata,
};

/// The values of `OTEL_EXPORTER_OTLP_PROTOCOL`.
const PROTOCOLS: &[&str] = &["http/protobuf", "http/json", "grpc"];
/// For the whole self-drive, which takes a second or two.
const QUICKSTART_LIMIT: Duration = Duration::from_secs(60);
/// For what the collector still holds when the quickstart has ended.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn run(sh: &Shell) -> Result {
    quickstart(sh)?;
    browser::run(sh)
}

fn quickstart(sh: &Shell) -> Result {
    // Apart from the run, so that its time limit knows nothing of compilers.
    as_if_typed(cmd!(sh, "cargo build -p quickstart --features otlp-grpc")).quiet().run()?;

    let directory = format!("{}/e2e", metadata::read(sh)?.target_directory);
    PROTOCOLS.iter().try_for_each(|protocol| check(sh, &directory, protocol))
}

/// Each with a collector of its own, so that nothing of one is taken for something of another.
fn check(sh: &Shell, directory: &str, protocol: &str) -> Result {
    let collector = Collector::start(sh, directory, Keep::Everything)?;
    println!("{protocol} to {}, log: {}", collector.endpoint(protocol), collector.log());
    run_quickstart(sh, &collector, protocol)?;

    let deadline = Instant::now() + ARRIVAL_LIMIT;
    loop {
        let received = received::parse(&collector.read_log()?);
        let unmet = expectations::unmet(&received);
        if unmet.is_empty() {
            println!(
                "{} spans and {} metrics arrived:",
                received.spans.len(),
                received.metrics.len()
            );
            expectations::all().for_each(|what| println!("  ok: {what}"));
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(explain(&unmet, &received, &collector).into());
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Runs the quickstart as a newcomer would, with nothing set but where to send.
fn run_quickstart(sh: &Shell, collector: &Collector, protocol: &str) -> Result {
    let run = cmd!(sh, "cargo run --quiet -p quickstart --features otlp-grpc -- --once");
    let command = as_if_typed(without_telemetry(run))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint(protocol))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    match wait(Command::from(command).spawn()?, QUICKSTART_LIMIT)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            Err(format!("the quickstart failed: {status}\n{}", collector.quoted_log()).into())
        }
        None => Err(format!(
            "the quickstart did not end in {QUICKSTART_LIMIT:?}\n{}",
            collector.quoted_log()
        )
        .into()),
    }
}

/// Waits for the child; kills it, and returns none, when the limit has passed.
fn wait(mut child: Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn explain(unmet: &[&str], received: &Received, collector: &Collector) -> String {
    let mut text =
        "what arrived at the collector is not what the quickstart should send\n".to_owned();
    for what in unmet {
        text.push_str(&format!("  missing: {what}\n"));
    }
    format!("{text}\n{received}\n{}", collector.quoted_log())
}
