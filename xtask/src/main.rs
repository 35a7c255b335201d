//! Developer commands; `cargo xtask --help` lists them.
//!
//! One file per command. A check that others should run too is a command of its own, so that `ci` and `full` are
//! nothing but lists of commands that anyone can run.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to its user"
)]

mod attributes;
mod bench;
mod ci;
mod compat;
mod demo;
mod docs_check;
mod document;
mod e2e;
mod environment;
mod examples;
mod features;
mod flags;
mod full;
mod fuzz;
mod grafana;
mod guides;
mod local;
mod locks;
mod metadata;
mod minimal_versions;
mod receiver;
mod soak;
mod step;
mod tidy;

use std::{error::Error, path::Path, process::ExitCode};

use flags::{Xtask, XtaskCmd};
use xshell::Shell;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(Xtask::from_env_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: Xtask) -> Result {
    let sh = Shell::new()?;
    sh.change_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    match flags.subcommand {
        XtaskCmd::Attributes(flags) => attributes::run(&sh, &flags),
        XtaskCmd::Bench(flags) => bench::run(&sh, &flags),
        XtaskCmd::Ci(flags) => ci::run(&sh, &flags),
        XtaskCmd::Compat(_) => compat::run(&sh),
        XtaskCmd::Demo(flags) => demo::run(&sh, &flags),
        XtaskCmd::DocsCheck(_) => docs_check::run(&sh),
        XtaskCmd::E2e(_) => e2e::run(&sh),
        XtaskCmd::Examples(_) => examples::run(&sh),
        XtaskCmd::Features(_) => features::run(&sh),
        XtaskCmd::Full(flags) => full::run(&sh, &flags),
        XtaskCmd::Fuzz(flags) => fuzz::run(&sh, &flags),
        XtaskCmd::Grafana(_) => grafana::run(&sh),
        XtaskCmd::Guides(flags) => guides::run(&sh, &flags),
        XtaskCmd::Locks(_) => locks::run(&sh),
        XtaskCmd::MinimalVersions(_) => minimal_versions::run(&sh),
        XtaskCmd::Soak(flags) => soak::run(&sh, &flags),
        XtaskCmd::Tidy(_) => tidy::run(&sh),
    }
}
