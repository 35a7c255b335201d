//! `cargo xtask minimal-versions`: the published crates compile with the oldest versions that their manifests allow.
//!
//! Only with those of direct dependencies: what is wrong further down is not ours to set right. Cargo can do that on
//! nightly only; what it chooses is compiled by the stable compiler.

use std::{fs, path::Path};

use xshell::{Shell, cmd};

use crate::{Result, environment::as_if_typed, metadata};

pub(crate) fn run(sh: &Shell) -> Result {
    let workspace = metadata::read(sh)?;
    let directory = format!("{}/minimal-versions", workspace.target_directory);
    let copy = format!("{directory}/copy");
    copy_tree(sh, Path::new(&copy))?;

    let inside = sh.push_dir(&copy);
    let manifest = sh.read_file("Cargo.toml")?;
    if !manifest.contains(RANGE.0) {
        return Err(format!("Cargo.toml has no `{}` any more", RANGE.0).into());
    }
    sh.write_file("Cargo.toml", manifest.replace(RANGE.0, RANGE.1))?;
    sh.remove_path("Cargo.lock")?;
    as_if_typed(cmd!(sh, "cargo +nightly update -Z direct-minimal-versions")).run()?;
    let published = workspace.members.iter().filter(|it| it.published);
    let packages = published.flat_map(|it| ["-p", &it.name]);
    let target = format!("{directory}/target");
    let check = cmd!(sh, "cargo check --locked --all-features --target-dir {target} {packages...}");
    as_if_typed(check).run()?;
    drop(inside);
    Ok(())
}

/// What is on the version that the SDK is on: the others of the range are tested by `cargo xtask compat`, without an SDK.
const RANGE: (&str, &str) = (">=0.32, <0.34", "0.33");

/// Copies all that git tracks or would track. What is newer than its copy is written again, so that cargo builds no more
/// than it must.
fn copy_tree(sh: &Shell, to: &Path) -> Result {
    let files = cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?;
    if to.exists() {
        remove_others(to, to, &files.lines().collect::<Vec<_>>())?;
    }
    for file in files.lines() {
        let (original, copy) = (sh.current_dir().join(file), to.join(file));
        // Deleted, and not committed yet.
        let Ok(content) = fs::read(&original) else { continue };
        if fs::read(&copy).is_ok_and(|it| it == content) {
            continue;
        }
        fs::create_dir_all(copy.parent().ok_or("a file has a folder")?)?;
        fs::write(copy, content)?;
    }
    Ok(())
}

/// Removes what was deleted since the last copy.
fn remove_others(root: &Path, directory: &Path, files: &[&str]) -> Result {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(root, &path, files)?;
        } else if let Ok(file) = path.strip_prefix(root)
            && !files.iter().any(|it| Path::new(it) == file)
        {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
