//! `cargo xtask features`: each published crate stands without its features, and with each of them alone.
//!
//! Cargo unifies the features of everything that is built together, so the whole workspace hides a feature that
//! forgets what it needs. Clippy instead of `check` costs the same and also sees code that nothing uses any more.

use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::as_if_typed,
    metadata::{self, Workspace},
};

pub(crate) fn run(sh: &Shell) -> Result {
    let combinations = combinations(&metadata::read(sh)?);
    for (package, feature) in &combinations {
        println!("{package}: {}", feature.as_deref().unwrap_or("no features"));
        let feature = feature.iter().flat_map(|feature| ["--features", feature]);
        let clippy = cmd!(
            sh,
            "cargo clippy --quiet -p {package} --no-default-features {feature...} -- -D warnings"
        );
        as_if_typed(clippy).quiet().run()?;
    }
    println!("{} combinations", combinations.len());
    Ok(())
}

/// The packages with the one feature to build them with.
fn combinations(workspace: &Workspace) -> Vec<(String, Option<String>)> {
    let published = workspace.members.iter().filter(|package| package.published);
    published
        .flat_map(|package| {
            let alone = package.features.iter().cloned().map(Some);
            std::iter::once(None).chain(alone).map(|feature| (package.name.clone(), feature))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_alone_and_none_at_all() {
        let workspace = metadata::parse(
            r#"{"packages": [
                {"name": "a", "features": {"default": ["x"], "x": [], "y": []}},
                {"name": "private", "publish": [], "features": {"z": []}},
                {"name": "plain"}
            ]}"#,
        )
        .unwrap();
        let found: Vec<_> = combinations(&workspace)
            .into_iter()
            .map(|(package, feature)| format!("{package} {}", feature.unwrap_or_default()))
            .collect();
        assert_eq!(found, ["a ", "a x", "a y", "plain "]);
    }
}
