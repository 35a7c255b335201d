//! `cargo xtask tidy`: the conventions of this repository that no compiler knows.
//!
//! A rule is a function from text to violations, with a test in which it fires and one in which it does not: a check
//! that cannot fail is a defect.

mod adapters;
mod dependencies;
mod manifests;
mod repository;
mod rust;
mod scan;
mod settings;

use std::fmt;

use xshell::{Shell, cmd};

use crate::{Result, metadata};

pub(crate) fn run(sh: &Shell) -> Result {
    let files = files(sh)?;
    let workspace = metadata::read(sh)?;
    let core = dependencies::CORE;
    let core_tree = cmd!(sh, "cargo tree -p {core} --edges normal --all-features --prefix none")
        .quiet()
        .read()?;

    let mut found: Vec<Violation> = files.iter().flat_map(check_file).collect();
    found.extend(dependencies::check_members(&workspace.members));
    found.extend(dependencies::check_core_tree(&core_tree));
    found.extend(dependencies::check_rust_version(&metadata::too_young(sh)?));
    found.extend(manifests::check_members(&workspace.members, &files));
    found.extend(adapters::check_size(&files));
    found.extend(adapters::check_guides(&files));
    found.extend(adapters::check_mentions(&files));
    found.extend(repository::check_changelog(&files));
    found.extend(repository::check_test_command(&files));
    found.extend(settings::check_setters(&files));
    found.extend(settings::check_variables(&files));
    found.sort();
    found.dedup();

    for violation in &found {
        println!("{violation}");
    }
    match found.len() {
        0 => Ok(()),
        count => Err(format!("{count} to tidy").into()),
    }
}

fn check_file(file: &File) -> Vec<Violation> {
    let mut found = repository::check_text(file);
    found.extend(manifests::check_root(file));
    if file.path.ends_with(".rs") {
        let scanned = scan::scan(&file.text);
        found.extend(rust::check(file, &scanned));
        found.extend(adapters::check_source(file, &scanned));
    }
    found
}

/// A text file of the repository.
#[derive(Debug)]
struct File {
    /// Relative to the root of the repository.
    path: String,
    text: String,
}

impl File {
    fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, what: what.into() }
    }

    /// The lines with their numbers, which begin at 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// What to do, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// All that git tracks or would track, as far as it is text.
fn files(sh: &Shell) -> Result<Vec<File>> {
    let paths = cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?;
    let read = |path: &str| {
        let text = String::from_utf8(std::fs::read(sh.current_dir().join(path)).ok()?).ok()?;
        Some(File { path: path.to_owned(), text })
    };
    Ok(paths.lines().filter_map(read).collect())
}

fn find<'a>(files: &'a [File], path: &str) -> Option<&'a File> {
    files.iter().find(|file| file.path == path)
}

#[cfg(test)]
mod testing {
    use super::{File, Violation};

    pub(super) fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    pub(super) fn shown(violations: impl IntoIterator<Item = Violation>) -> Vec<String> {
        violations.into_iter().map(|violation| violation.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};

    #[test]
    fn a_violation_says_where_and_what_to_do() {
        let found = check_file(&file(
            "crates/logfire-rs-axum/src/lib.rs",
            "fn f(kv: KeyValue) { todo!() } \n",
        ));
        assert_eq!(
            shown(found),
            [
                "crates/logfire-rs-axum/src/lib.rs:1: remove the trailing whitespace",
                "crates/logfire-rs-axum/src/lib.rs:1: begin the file with `//!` and what it is for",
                "crates/logfire-rs-axum/src/lib.rs:1: finish what `todo!(` stands for",
                "crates/logfire-rs-axum/src/lib.rs:1: leave `KeyValue` to core: attributes are decided there",
            ]
        );
    }
}
