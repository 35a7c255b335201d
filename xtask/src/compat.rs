//! `cargo xtask compat`: the instrumentation on OpenTelemetry 0.32, alone and beside Pydantic's `logfire` crate.

use xshell::{Shell, cmd};

use crate::{Result, environment::as_if_typed};

const WORKSPACE: &str = "compat/otel-0.32";

pub(crate) fn run(sh: &Shell) -> Result {
    let _inside = sh.push_dir(WORKSPACE);
    let api = "opentelemetry";
    // Fails if there are two, which the tests would only show as spans that are missing.
    as_if_typed(cmd!(sh, "cargo tree --locked --quiet --invert {api} --depth 0")).run()?;
    as_if_typed(cmd!(sh, "cargo test --locked --workspace")).run()?;
    Ok(())
}
