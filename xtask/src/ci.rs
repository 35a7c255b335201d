//! `cargo xtask ci`: what every change must pass.

use std::time::Instant;

use xshell::Shell;

use crate::{
    Result, flags,
    step::{Step, minutes},
};

/// The quickest first, so that a slip costs seconds rather than minutes.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", command: "cargo fmt --all --check" },
    Step { name: "tidy", command: "cargo xtask tidy" },
    Step { name: "locks", command: "cargo xtask locks" },
    Step {
        name: "clippy",
        command: "cargo clippy --workspace --all-targets --all-features -- -D warnings",
    },
    Step { name: "test", command: "cargo test --workspace" },
    Step {
        name: "docs",
        command: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features",
    },
    Step { name: "docs-check", command: "cargo xtask docs-check" },
    Step { name: "features", command: "cargo xtask features" },
    Step { name: "attributes", command: "cargo xtask attributes --check" },
    Step { name: "bench", command: "cargo xtask bench --check" },
    Step { name: "bound", command: "cargo test -p logfire-rs-budget --features bound" },
    Step { name: "examples", command: "cargo xtask examples" },
    Step { name: "e2e", command: "cargo xtask e2e" },
];

pub(crate) fn run(sh: &Shell, flags: &flags::Ci) -> Result {
    let steps = steps_without(&flags.skip)?;
    let started = Instant::now();
    for step in steps {
        if !step.run(sh, started) {
            return Err(format!("ci stopped at `{}`", step.name).into());
        }
    }
    println!("\n=== ci is green (at {})", minutes(started));
    Ok(())
}

fn steps_without(skipped: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = skipped.iter().find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        return Err(format!("ci has no step `{unknown}`").into());
    }
    Ok(STEPS.iter().filter(|step| !skipped.iter().any(|name| name == step.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_can_be_left_out() {
        let names: Vec<_> =
            steps_without(&["test".to_owned()]).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(
            names,
            [
                "fmt",
                "tidy",
                "locks",
                "clippy",
                "docs",
                "docs-check",
                "features",
                "attributes",
                "bench",
                "bound",
                "examples",
                "e2e"
            ]
        );
    }

    #[test]
    fn a_misspelled_step_is_an_error() {
        assert_eq!(
            steps_without(&["tests".to_owned()]).unwrap_err().to_string(),
            "ci has no step `tests`"
        );
    }
}
