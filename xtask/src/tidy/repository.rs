//! Rules for every text file, and for the changelog.

use super::{File, Violation, find, rust};

const CHANGELOG: &str = "CHANGELOG.md";
const README: &str = "README.md";
const CHECKS: &str = ".ci/run";
const TEST_COMMAND: &str = "cargo test --workspace";

/// The beginnings of paths that exist on one machine only. Written in two parts, as this file is checked too.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/tmp/", "wt"), concat!("/ro", "ot/")];

/// Where packages are fetched from is a matter of the machine that builds.
const REGISTRIES: &[&str] = &[
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npmjs", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("pypi.org", "/simple"),
    concat!("--index", "-url"),
    concat!("--extra-index", "-url"),
    concat!("replace", "-with"),
];

/// The only source in a lock file.
const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

pub(super) fn check_text(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.ends_with([' ', '\t', '\r']) {
            found.push(file.violation(number, "remove the trailing whitespace"));
        }
        if MACHINE_PATHS.iter().any(|path| holds_path(line, path)) {
            found
                .push(file.violation(number, "replace the path, which exists on one machine only"));
        }
        let foreign_source = file.path.ends_with("Cargo.lock")
            && line.starts_with("source = \"registry")
            && line != CRATES_IO;
        if foreign_source || REGISTRIES.iter().any(|registry| line.contains(registry)) {
            found.push(file.violation(
                number,
                "remove the registry: where packages come from is set by the machine",
            ));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        found.push(file.violation(file.text.lines().count(), "end the file with a line break"));
    }
    if file.path.ends_with(".md") || file.path.ends_with(".rs") {
        found.extend(rust::check_fences(file));
    }
    found
}

pub(super) fn check_changelog(files: &[File]) -> Option<Violation> {
    let has_section = |file: &File| file.text.lines().any(|line| line == "## Unreleased");
    let what = "add a section `## Unreleased`".to_owned();
    let missing = !find(files, CHANGELOG).is_some_and(has_section);
    missing.then(|| Violation { path: CHANGELOG.to_owned(), line: 1, what })
}

/// What a reader types to test is what the checks run.
pub(super) fn check_test_command(files: &[File]) -> Vec<Violation> {
    let has_command =
        |file: &File| file.text.lines().any(|line| line.trim_start().starts_with(TEST_COMMAND));
    let missing =
        [README, CHECKS].into_iter().filter(|path| !find(files, path).is_some_and(has_command));
    let what = format!(
        "give `{TEST_COMMAND}` on a line of its own: the README and the checks run the same tests"
    );
    missing.map(|path| Violation { path: path.to_owned(), line: 1, what: what.clone() }).collect()
}

/// Whether `line` holds a path that begins with `prefix`, rather than one that goes on with it.
fn holds_path(line: &str, prefix: &str) -> bool {
    let goes_on = |before: char| {
        before.is_alphanumeric() || matches!(before, '.' | '-' | '_' | '/' | '}' | '~')
    };
    line.match_indices(prefix).any(|(start, _)| {
        !line.get(..start).and_then(|before| before.chars().next_back()).is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    fn checked(path: &str, text: &str) -> Vec<String> {
        shown(check_text(&file(path, text)))
    }

    #[test]
    fn lines_end_where_their_text_ends() {
        let what = |line| format!("a.txt:{line}: remove the trailing whitespace");
        assert_eq!(checked("a.txt", "a \nb\nc\t\n"), [what(1), what(3)]);
        assert_eq!(checked("a.txt", "a\n\n"), [""; 0]);
    }

    #[test]
    fn the_last_line_ends_too() {
        assert_eq!(checked("a.txt", "a\nb"), ["a.txt:2: end the file with a line break"]);
        assert_eq!(checked("a.txt", ""), [""; 0]);
    }

    #[test]
    fn no_path_of_one_machine() {
        for path in MACHINE_PATHS {
            let what = "a.txt:1: replace the path, which exists on one machine only";
            assert_eq!(checked("a.txt", &format!("see `{path}x`\n")), [what]);
            assert_eq!(
                checked("a.txt", &format!("see https://example.com{path}x and ..{path}x\n")),
                [""; 0]
            );
        }
    }

    #[test]
    fn no_registry() {
        let what = |path: &str| {
            format!("{path}:1: remove the registry: where packages come from is set by the machine")
        };
        for registry in REGISTRIES {
            assert_eq!(checked("a.txt", &format!("x {registry}\n")), [what("a.txt")]);
        }
        assert_eq!(
            checked("fuzz/Cargo.lock", "source = \"registry+https://example.com\"\n"),
            [what("fuzz/Cargo.lock")]
        );
        assert_eq!(checked("Cargo.lock", &format!("{CRATES_IO}\n")), [""; 0]);
        assert_eq!(checked("README.md", "https://crates.io/crates/logfire-rs\n"), [""; 0]);
    }

    #[test]
    fn the_changelog_is_open() {
        let changelog = |text| shown(check_changelog(&[file(CHANGELOG, text)]));
        assert_eq!(changelog("# Changelog\n"), ["CHANGELOG.md:1: add a section `## Unreleased`"]);
        assert_eq!(changelog("# Changelog\n\n## Unreleased\n"), [""; 0]);
        assert_eq!(shown(check_changelog(&[])).len(), 1);
    }

    #[test]
    fn the_readme_gives_the_tests_that_are_run() {
        let found = |readme| {
            let checks = file(CHECKS, "cargo test --workspace 2>&1 | tee log\n");
            shown(check_test_command(&[checks, file(README, readme)]))
        };
        let what = "give `cargo test --workspace` on a line of its own: the README and the checks run the same tests";
        assert_eq!(found("```sh\ncargo test\n```\n"), [format!("README.md:1: {what}")]);
        assert_eq!(found("```sh\ncargo test --workspace\n```\n"), [""; 0]);
        assert_eq!(check_test_command(&[]).len(), 2);
    }
}
