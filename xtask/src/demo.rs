//! `cargo xtask demo`: the quickstart's trace in the Jaeger UI, to look at or as a picture.
//!
//! The viewer is a workspace of its own, `demo/`, since it needs protoc.

mod trace;

use std::{io, net::SocketAddr, path::Path};

use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    flags,
    local::{self, Running},
    metadata,
};

/// In pixels of a page; the picture has twice as many.
const SIZE: &str = "1200,392";

pub(crate) fn run(sh: &Shell, flags: &flags::Demo) -> Result {
    let target = metadata::read(sh)?.target_directory;
    build(sh, &target)?;
    let viewer = Viewer::start(sh, &target)?;
    run_quickstart(sh, &viewer)?;

    let id = local::wait("trace with all four spans", || viewer.trace())?;
    let url = format!("http://{}/trace/{id}", viewer.ui);
    println!("{url}");
    if let Some(path) = &flags.picture {
        return take_picture(sh, &target, &url, path);
    }
    println!("Enter ends it.");
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

fn build(sh: &Shell, target: &str) -> Result {
    cmd!(sh, "protoc --version")
        .quiet()
        .ignore_stdout()
        .run()
        .map_err(|error| format!("{error}; the viewer needs protoc (Debian: protobuf-compiler)"))?;
    let viewer = cmd!(sh, "cargo build --manifest-path demo/Cargo.toml --target-dir {target}/demo");
    as_if_typed(viewer).quiet().run()?;
    as_if_typed(cmd!(sh, "cargo build -p quickstart --features otlp-grpc")).quiet().run()?;
    Ok(())
}

/// Receives traces and shows them; it ends with this value.
struct Viewer {
    ui: SocketAddr,
    otlp: SocketAddr,
    _process: Running,
}

impl Viewer {
    fn start(sh: &Shell, target: &str) -> Result<Self> {
        let program = format!("{target}/demo/debug/demo");
        let (ui, otlp) = (local::free_address()?, local::free_address()?);
        let (ui_text, otlp_text) = (ui.to_string(), otlp.to_string());
        let command = cmd!(sh, "{program} {ui_text} {otlp_text}");
        let process = Running::start(command, &format!("{target}/demo/viewer.log"))?;
        local::wait("answer of the viewer", || local::get(ui, "/api/services"))?;
        local::wait("receiver of traces", || local::listens(otlp).then_some(()))?;
        Ok(Self { ui, otlp, _process: process })
    }

    /// The id of the trace to be shown.
    fn trace(&self) -> Option<String> {
        let answer = local::get(self.ui, "/api/traces?service=quickstart&limit=20")?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        let mut traces = answer.pointer("/data")?.as_array()?.iter();
        traces.find_map(trace::id)
    }
}

/// Only its traces are sent: the viewer takes nothing else.
fn run_quickstart(sh: &Shell, viewer: &Viewer) -> Result {
    let run = cmd!(sh, "cargo run --quiet -p quickstart --features otlp-grpc -- --once");
    as_if_typed(without_telemetry(run))
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("http://{}", viewer.otlp))
        .env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
        .quiet()
        .run()?;
    Ok(())
}

/// Has a browser draw the page, and checks that it shows the trace.
fn take_picture(sh: &Shell, target: &str, url: &str, path: &Path) -> Result {
    let browser = local::browser(sh).ok_or("the picture needs Chromium (Debian: chromium)")?;
    if let Some(directory) = path.parent() {
        sh.create_dir(directory)?;
    }
    let profile = format!("{target}/demo/chromium");
    sh.remove_path(&profile)?;
    let quiet = "--disable-background-networking --disable-component-update --disable-sync --disable-quic --no-first-run";
    let quiet = quiet.split(' ');
    let page = cmd!(sh, "{browser} --headless --no-sandbox --disable-gpu {quiet...}")
        .args(["--hide-scrollbars", "--force-device-scale-factor=2", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={profile}"))
        .arg(format!("--window-size={SIZE}"))
        .arg(format!("--screenshot={}", path.display()))
        .args(["--dump-dom", url])
        .quiet()
        .ignore_stderr()
        .read()?;
    let unseen: Vec<_> = trace::NAMES.iter().filter(|name| !shows(&page, name)).collect();
    if !unseen.is_empty() {
        return Err(format!("the page does not show {unseen:?}").into());
    }
    let size = sh.read_binary_file(path)?.len();
    println!("{}: {} KiB", path.display(), size / 1024);
    Ok(())
}

/// Whether an element of the page has this text and no other.
fn shows(page: &str, name: &str) -> bool {
    page.contains(&format!(">{name}<"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_what_an_element_says() {
        let page = "<small>GET /a/{b}</small>";
        assert!(shows(page, "GET /a/{b}"));
        assert!(!shows(page, "GET"));
    }
}
