//! What `cargo metadata` knows about the members of this workspace.

use serde_json::Value;
use xshell::{Shell, cmd};

use crate::Result;

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Package>,
    pub(crate) target_directory: String,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root of the repository.
    pub(crate) manifest: String,
    pub(crate) published: bool,
    /// Without `default`, which says nothing that the others do not.
    pub(crate) features: Vec<String>,
    /// Direct ones, without those of tests and build scripts.
    pub(crate) dependencies: Vec<String>,
}

pub(crate) fn read(sh: &Shell) -> Result<Workspace> {
    let json = cmd!(sh, "cargo metadata --format-version 1 --no-deps").quiet().read()?;
    parse(&json)
}

/// The packages that the published crates are built with, by default, and need a newer Rust than these say they do.
pub(crate) fn too_young(sh: &Shell) -> Result<Vec<String>> {
    let json = cmd!(sh, "cargo metadata --format-version 1 --locked").quiet().read()?;
    parse_too_young(&json)
}

fn parse_too_young(json: &str) -> Result<Vec<String>> {
    let metadata: Value = serde_json::from_str(json)?;
    let packages = list(&metadata, "packages");
    let package = |id: &str| packages.iter().find(|it| text(it, "id") == id);
    let members = list(&metadata, "workspace_members").iter().filter_map(Value::as_str);
    let published =
        |id: &&str| package(id).is_some_and(|it| it.get("publish").is_none_or(Value::is_null));
    let mut ids: Vec<&str> = members.filter(published).collect();
    let promised = ids.iter().filter_map(|id| package(id)).filter_map(version).min();
    let promised = promised.ok_or("no published crate has a `rust-version`")?;
    let nodes = metadata.get("resolve").map(|it| list(it, "nodes")).unwrap_or_default();
    let mut seen = 0;
    while let Some(id) = ids.get(seen) {
        let node = nodes.iter().find(|it| text(it, "id") == *id);
        for dependency in node.map(|it| list(it, "deps")).unwrap_or_default() {
            let kinds = list(dependency, "dep_kinds");
            let is_built = kinds.iter().any(|it| text(it, "kind") != "dev");
            let id = text(dependency, "pkg");
            if is_built && !ids.contains(&id) {
                ids.push(id);
            }
        }
        seen += 1;
    }
    let young = ids.iter().filter_map(|id| package(id));
    let young = young.filter(|it| version(it).is_some_and(|needed| needed > promised));
    let shown = |it: &Value| format!("{} {}", text(it, "name"), text(it, "version"));
    Ok(young.map(shown).collect())
}

/// The Rust version that a package needs.
fn version(package: &Value) -> Option<(u32, u32)> {
    let mut parts = text(package, "rust_version").split('.').map(|it| it.parse().ok());
    Some((parts.next()??, parts.next().flatten().unwrap_or_default()))
}

pub(crate) fn parse(json: &str) -> Result<Workspace> {
    let metadata: Value = serde_json::from_str(json)?;
    let root = text(&metadata, "workspace_root");
    let members = list(&metadata, "packages")
        .iter()
        .map(|package| Package {
            name: text(package, "name").to_owned(),
            manifest: text(package, "manifest_path")
                .trim_start_matches(root)
                .trim_start_matches('/')
                .to_owned(),
            published: package.get("publish").is_none_or(Value::is_null),
            features: features(package),
            dependencies: list(package, "dependencies")
                .iter()
                .filter(|dependency| dependency.get("kind").is_none_or(Value::is_null))
                .map(|dependency| text(dependency, "name").to_owned())
                .collect(),
        })
        .collect();
    Ok(Workspace { members, target_directory: text(&metadata, "target_directory").to_owned() })
}

fn features(package: &Value) -> Vec<String> {
    let features = package.get("features").and_then(Value::as_object);
    features
        .into_iter()
        .flat_map(|map| map.keys())
        .filter(|name| *name != "default")
        .cloned()
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_that_need_a_newer_rust_are_found_where_they_are_built() {
        let metadata = r#"{
          "workspace_members": ["a", "tool"],
          "packages": [
            {"id": "a", "name": "a", "rust_version": "1.89"},
            {"id": "tool", "name": "tool", "publish": [], "rust_version": "1.95"},
            {"id": "old", "name": "old", "version": "1.0.0"},
            {"id": "young", "name": "young", "version": "2.0.0", "rust_version": "1.90.0"},
            {"id": "tests", "name": "tests", "version": "3.0.0", "rust_version": "1.91"}
          ],
          "resolve": {"nodes": [
            {"id": "a", "deps": [
              {"pkg": "old", "dep_kinds": [{"kind": null}]},
              {"pkg": "tests", "dep_kinds": [{"kind": "dev"}]}
            ]},
            {"id": "old", "deps": [{"pkg": "young", "dep_kinds": [{"kind": "build"}]}]},
            {"id": "young", "deps": [{"pkg": "old", "dep_kinds": [{"kind": null}]}]}
          ]}
        }"#;
        assert_eq!(parse_too_young(metadata).unwrap(), ["young 2.0.0"]);
        assert!(parse_too_young(&metadata.replace("1.90.0", "1.89.1")).unwrap().is_empty());
        assert!(parse_too_young("{}").is_err());
    }

    #[test]
    fn reads_what_the_commands_need() {
        let workspace = parse(
            r#"{
              "workspace_root": "/repo", "target_directory": "/elsewhere/target",
              "packages": [{
                "name": "a", "manifest_path": "/repo/crates/a/Cargo.toml", "publish": null,
                "features": {"default": ["x"], "x": []},
                "dependencies": [{"name": "regex", "kind": null}, {"name": "insta", "kind": "dev"}]
              }, {"name": "b", "manifest_path": "/repo/b/Cargo.toml", "publish": []}]
            }"#,
        )
        .unwrap();
        assert_eq!(workspace.target_directory, "/elsewhere/target");
        let [a, b] = workspace.members.as_slice() else { panic!("two members") };
        assert_eq!((a.name.as_str(), a.manifest.as_str()), ("a", "crates/a/Cargo.toml"));
        assert_eq!((a.published, b.published), (true, false));
        assert_eq!(a.features, ["x"]);
        assert_eq!(a.dependencies, ["regex"]);
    }
}
