//! What every `Cargo.toml` leaves to the one at the root.
//!
//! Reads manifests line by line: they are written by hand, one key per line, and cargo has parsed them already.

use super::{File, Violation, find};
use crate::metadata::Package;

const ROOT: &str = "Cargo.toml";
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license"];

pub(super) fn check_root(file: &File) -> Vec<Violation> {
    if file.path != ROOT {
        return Vec::new();
    }
    let mut found = Vec::new();
    let forbids = |key: &Key<'_>| {
        key.section == "workspace.lints.rust"
            && key.name == "unsafe_code"
            && key.value == "\"forbid\""
    };
    if !keys(&file.text).any(|key| forbids(&key)) {
        found.push(
            file.violation(1, "write `unsafe_code = \"forbid\"` under `[workspace.lints.rust]`"),
        );
    }
    let mut last = "";
    for key in keys(&file.text) {
        if key.section != "workspace.dependencies" || key.value.contains("path = ") {
            continue;
        }
        if key.name < last {
            found.push(
                file.violation(
                    key.line,
                    format!("move `{}` before `{last}`: alphabetical", key.name),
                ),
            );
        }
        last = key.name;
    }
    found
}

pub(super) fn check_members(members: &[Package], files: &[File]) -> Vec<Violation> {
    let manifests = members.iter().filter_map(|package| find(files, &package.manifest));
    manifests.flat_map(check_member).collect()
}

fn check_member(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    let inherits = |section: &str, name: &str| {
        keys(&file.text)
            .any(|key| key.section == section && key.name == name && key.value == "true")
    };
    if !inherits("lints", "workspace") {
        found.push(file.violation(1, "write `[lints]` with `workspace = true`"));
    }
    for name in INHERITED {
        if !inherits("package", &format!("{name}.workspace")) {
            found.push(file.violation(1, format!("write `{name}.workspace = true`")));
        }
    }
    for key in keys(&file.text) {
        let in_table = key.section.contains("dependencies.");
        let is_dependency = key.section.ends_with("dependencies");
        let inherited = key.name.ends_with(".workspace") || key.value.contains("workspace = true");
        let own_source = in_table && ["version", "path", "git"].contains(&key.name);
        if own_source || (is_dependency && !inherited) {
            let name = if in_table { key.section } else { key.name };
            let what =
                format!("move the version of `{name}` to `[workspace.dependencies]` at the root");
            found.push(file.violation(key.line, what));
        }
    }
    found
}

/// A line `name = value`, with the section above it.
struct Key<'a> {
    line: usize,
    section: &'a str,
    name: &'a str,
    value: &'a str,
}

fn keys(text: &str) -> impl Iterator<Item = Key<'_>> {
    let mut section = "";
    (1..).zip(text.lines()).filter_map(move |(line, content)| {
        if let Some(header) = content.strip_prefix('[') {
            section = header.trim_end().trim_end_matches(']');
            return None;
        }
        let (name, value) = content.split_once('=')?;
        let name = name.trim_end();
        let is_key = !name.is_empty() && !name.starts_with([' ', '#', ']', '"']);
        is_key.then(|| Key { line, section, name, value: value.trim() })
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    const MEMBER: &str = "\
[package]
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true

[lints]
workspace = true

[dependencies]
regex.workspace = true
axum = { workspace = true, features = [
    \"http1\",
] }
";

    fn member(text: &str) -> Vec<String> {
        shown(check_member(&file("a/Cargo.toml", text)))
    }

    #[test]
    fn a_member_inherits() {
        assert_eq!(member(MEMBER), [""; 0]);
        assert_eq!(
            member(&MEMBER.replace("edition.workspace = true", "edition = \"2024\"")),
            ["a/Cargo.toml:1: write `edition.workspace = true`"]
        );
        assert_eq!(
            member(&MEMBER.replace("[lints]\nworkspace = true\n", "")),
            ["a/Cargo.toml:1: write `[lints]` with `workspace = true`"]
        );
    }

    #[test]
    fn versions_are_at_the_root() {
        let what = |line, name| {
            format!(
                "a/Cargo.toml:{line}: move the version of `{name}` to `[workspace.dependencies]` at the root"
            )
        };
        assert_eq!(
            member(&MEMBER.replace("regex.workspace = true", "regex = \"1\"")),
            [what(11, "regex")]
        );
        assert_eq!(
            member(&format!(
                "{MEMBER}\n[target.'cfg(unix)'.dev-dependencies]\nnix = {{ version = \"1\" }}\n"
            )),
            [what(17, "nix")]
        );
        assert_eq!(
            member(&format!("{MEMBER}\n[dependencies.nix]\nversion = \"1\"\n")),
            [what(17, "dependencies.nix")]
        );
    }

    #[test]
    fn only_members_are_checked() {
        let workspace = crate::metadata::parse(
            r#"{"workspace_root": "/repo", "packages": [{"name": "a", "manifest_path": "/repo/a/Cargo.toml"}]}"#,
        );
        let files = [
            file("a/Cargo.toml", MEMBER),
            file("fuzz/Cargo.toml", "[package]\nedition = \"2024\"\n"),
        ];
        assert_eq!(shown(check_members(&workspace.unwrap().members, &files)), [""; 0]);
    }

    #[test]
    fn the_root_forbids_unsafe_and_is_sorted() {
        let lints = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        let root = |text: &str| shown(check_root(&file("Cargo.toml", text)));
        assert_eq!(root(&lints.replace("forbid", "deny")).len(), 1);
        assert_eq!(root(lints), [""; 0]);

        let ours = "z-ours = { path = \"crates/z\" }\n";
        let sorted =
            format!("{lints}[workspace.dependencies]\n{ours}\na = \"1\"\n# Why.\nb = \"1\"\n");
        assert_eq!(root(&sorted), [""; 0]);
        assert_eq!(
            root(&format!("{sorted}aa = \"1\"\n")),
            ["Cargo.toml:9: move `aa` before `b`: alphabetical"]
        );
    }
}
