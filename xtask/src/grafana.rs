//! `cargo xtask grafana`: a real Prometheus scrapes an instrumented service, and every query of the dashboard finds what
//! it shows.

mod dashboard;
mod names;
mod prometheus;

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use xshell::{Shell, cmd};

use self::{
    dashboard::{Dashboard, Query},
    prometheus::Prometheus,
};
use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    local::{self, Running},
    metadata,
};

const DIRECTORY: &str = "docs/grafana";
const EXAMPLE: &str = "example-prometheus";
/// For two scrapes, between which there were requests of every kind.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(sh: &Shell) -> Result {
    let dashboard = Dashboard::parse(&sh.read_file(format!("{DIRECTORY}/dashboard.json"))?)?;
    names::check(&dashboard, &sh.read_file("docs/attributes.md")?)?;
    prometheus::check_config(sh, &format!("{DIRECTORY}/prometheus.yaml"))?;
    as_if_typed(cmd!(sh, "cargo build -p {EXAMPLE}")).quiet().run()?;

    let target = metadata::read(sh)?.target_directory;
    let address = local::free_address()?;
    let program = format!("{target}/debug/{EXAMPLE}");
    let listen_on = address.to_string();
    let command = without_telemetry(as_if_typed(cmd!(sh, "{program} {listen_on}")));
    let _service = Running::start(command, &format!("{target}/{EXAMPLE}.log"))?;
    local::wait("answer", || local::get(address, "/users/1"))?;
    let prometheus = Prometheus::start(sh, &format!("{target}/grafana"), EXAMPLE, address)?;

    check(&dashboard, &prometheus, address)
}

/// Sends requests of every kind until each query has found them.
fn check(dashboard: &Dashboard, prometheus: &Prometheus, service: SocketAddr) -> Result {
    let deadline = Instant::now() + LIMIT;
    let mut missing: Vec<(&Query, String)> =
        dashboard.queries.iter().map(|query| (query, String::new())).collect();
    loop {
        send_traffic(service);
        let mut still_missing = Vec::new();
        for (query, _) in missing {
            match prometheus.unmet(query)? {
                None => println!("  ok: {}", query.title),
                Some(why) => still_missing.push((query, why)),
            }
        }
        missing = still_missing;
        if missing.is_empty() {
            println!("{} queries found what they show", dashboard.queries.len());
            return Ok(());
        }
        if Instant::now() > deadline {
            let missing: String = missing
                .iter()
                .map(|(query, why)| format!("\n  {}: {why}\n    {}", query.title, query.text))
                .collect();
            return Err(
                format!("these queries found nothing to show in {LIMIT:?}:{missing}").into()
            );
        }
        thread::sleep(Duration::from_millis(250));
    }
}

/// Requests that are answered, that fail, that no route answers, and that call another service.
fn send_traffic(service: SocketAddr) {
    for (method, path, body) in [
        ("GET", "/users/1", ""),
        ("GET", "/users/0", ""),
        ("GET", "/nowhere", ""),
        ("POST", "/orders", "1"),
        ("POST", "/orders", "0"),
    ] {
        // One that is lost is sent again with the next.
        let _ = local::ask(service, method, path, body);
    }
}
