//! `cargo xtask locks`: each lock file is what its manifests ask for.
//!
//! `bench/`, `compat/`, `demo/` and `fuzz/` are workspaces of their own, which nothing else of `ci` builds. A crate that
//! gets a dependency changes their lock files, too, and nobody sees that until they are built with `--locked`.

use xshell::{Shell, cmd};

use crate::{Result, environment::as_if_typed};

pub(crate) fn run(sh: &Shell) -> Result {
    let locks = cmd!(sh, "git ls-files *Cargo.lock").quiet().read()?;
    let mut stale = Vec::new();
    for lock in locks.lines() {
        let manifest = lock.replace("Cargo.lock", "Cargo.toml");
        let update =
            cmd!(sh, "cargo update --workspace --locked --quiet --manifest-path {manifest}");
        if as_if_typed(update).quiet().run().is_err() {
            stale.push(manifest);
        }
    }
    for manifest in &stale {
        eprintln!(
            "to repeat it without `--locked`: cargo update --workspace --manifest-path {manifest}"
        );
    }
    if stale.is_empty() { Ok(()) } else { Err("lock files that are out of date".into()) }
}
