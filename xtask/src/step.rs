//! A check with a name: one shell command, exactly as a developer would type it.

use std::time::Instant;

use xshell::{Shell, cmd};

use crate::environment::as_if_typed;

/// One check of `ci` or `full`.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) command: &'static str,
}

impl Step {
    /// Runs the command under a heading, and says how to repeat it when it fails.
    pub(crate) fn run(&self, sh: &Shell, started: Instant) -> bool {
        let Self { name, command } = self;
        println!("\n=== {name} (at {}) {command}", minutes(started));
        let passed = as_if_typed(cmd!(sh, "sh -c {command}")).quiet().run().is_ok();
        if !passed {
            eprintln!("\n{name} failed. To repeat it: {command}");
        }
        passed
    }
}

/// The time since `started` as `m:ss`.
pub(crate) fn minutes(started: Instant) -> String {
    let seconds = started.elapsed().as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
