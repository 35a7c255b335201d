//! `cargo xtask guides`: what a reader of a guide does first works as the guide says.
//!
//! The first program of each document that gives lines for `Cargo.toml` is built outside of the workspace, with these lines
//! and no others. A service then gets the request of the guide, has to show what the guide says that it shows, and on
//! Ctrl-C to send what is left and to end.

mod guide;

use std::{fs, path::Path};

use xshell::{Shell, cmd};

use self::guide::{Guide, Request};
use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    flags,
    local::{self, Running},
    metadata,
    receiver::Receiver,
};

/// Documents whose lines are for another version of OpenTelemetry, which `cargo xtask compat` builds them with.
const OTHER_VERSIONS: &[&str] = &["docs/opentelemetry-versions.md"];

pub(crate) fn run(sh: &Shell, flags: &flags::Guides) -> Result {
    let target = metadata::read(sh)?.target_directory;
    let files =
        cmd!(sh, "git ls-files --cached --others --exclude-standard *.md").quiet().read()?;
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in files.lines().filter(|it| !OTHER_VERSIONS.contains(it)) {
        let Some(guide) = Guide::read(&sh.read_file(path)?) else { continue };
        if !flags.only.is_empty() && flags.only.iter().all(|it| it != path) {
            continue;
        }
        count += 1;
        match check(sh, &target, path, &guide) {
            Ok(()) => println!("ok: {path}"),
            Err(error) => wrong.push(format!("{path}: {error}")),
        }
    }
    wrong.iter().for_each(|it| println!("{it}"));
    if count == 0 {
        return Err("there is no such guide".into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{} guides are wrong", wrong.len()).into()) }
}

fn check(sh: &Shell, target: &str, path: &str, guide: &Guide) -> Result {
    let stem = Path::new(path).file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    let name = format!("guide-{}", stem.to_lowercase());
    let receiver = Receiver::start()?;
    // A client of a guide asks the service of another one, which is the receiver here.
    let address = if guide.is_service() { local::free_address()? } else { receiver.address() };
    build(sh, target, &name, &guide.program(address.port()), guide)?;
    if guide.is_test() {
        return Ok(());
    }

    let log = format!("{target}/guides/{name}.log");
    let endpoint = format!("http://{}", receiver.address());
    let command = without_telemetry(as_if_typed(cmd!(sh, "{target}/debug/{name}")));
    let mut running = Running::start(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), &log)?;
    if !guide.is_service() {
        running.end()?;
        return is_shown(guide, &log);
    }
    running.wait_until_listening(&[address])?;
    ask(sh, guide, address.port(), &log)?;
    // What the guide asks may be what is not recorded.
    drop(local::get(address, "/"));
    running.interrupt()?;
    // Once a minute, but for those that the end sends.
    let has_metrics = receiver.posts().iter().any(|it| it.path == "/v1/metrics");
    if has_metrics { Ok(()) } else { Err("it does not send what is left when it ends".into()) }
}

/// Builds the program in a package of its own; a test is run, too.
fn build(sh: &Shell, target: &str, name: &str, program: &str, guide: &Guide) -> Result {
    let directory = format!("{target}/guides/{name}");
    let manifest = guide.manifest(name, &sh.current_dir());
    sh.create_dir(&directory)?;
    sh.copy_file("Cargo.lock", &directory)?;
    let _inside = sh.push_dir(&directory);
    sh.write_file("Cargo.toml", manifest)?;
    let command = if guide.is_test() {
        sh.write_file("src/lib.rs", "")?;
        sh.write_file("tests/guide.rs", program)?;
        cmd!(sh, "cargo test --quiet --test guide --target-dir {target}")
    } else {
        sh.write_file("src/main.rs", program)?;
        cmd!(sh, "cargo build --quiet --target-dir {target}")
    };
    Ok(as_if_typed(command).quiet().run()?)
}

/// Sends the request of the guide, if it has one.
fn ask(sh: &Shell, guide: &Guide, port: u16, log: &str) -> Result {
    let Some(request) = &guide.request else { return Ok(()) };
    let curl = request.to_port(port);
    let answer = cmd!(sh, "sh -c {curl}").quiet().ignore_stderr().read()?;
    match request {
        Request::ToBeShown(_) => is_shown(guide, log),
        Request::ToBeAnswered(_) if guide.says(&answer) => Ok(()),
        Request::ToBeAnswered(_) => Err(format!("`{curl}` is answered with\n{answer}").into()),
    }
}

fn is_shown(guide: &Guide, log: &str) -> Result {
    let shown = || fs::read_to_string(log).unwrap_or_default();
    local::wait("output", || guide.says(&shown()).then_some(()))
        .map_err(|_| format!("it shows\n{}", shown()).into())
}
