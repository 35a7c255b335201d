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
