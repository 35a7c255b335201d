//! Arrows point down only: which crate may stand on which.

use std::collections::BTreeSet;

use super::Violation;
use crate::metadata::Package;

pub(super) const CORE: &str = "logfire-rs-core";

/// Core knows the conventions and needs little for them.
const CORE_DEPENDENCIES: &[&str] = &[
    "bytes", // `traceparent` as headers hold it
    "form_urlencoded",
    "jiff", // RFC 3339
    "memchr",
    "opentelemetry",
    "opentelemetry-semantic-conventions",
    "percent-encoding",
    "pin-project-lite", // an extractor in its context; opentelemetry has it, too
    "regex",
    "serde",
    "serde_json",
];

/// What may not be found anywhere below core; neither may a crate whose name goes on with a dash.
const FRAMEWORKS: &[&str] =
    &["actix", "axum", "http", "hyper", "reqwest", "tokio", "tower", "warp"];

/// For each crate the crates of this workspace that it may use. Whoever is not listed stands above all of them.
const ARROWS: &[(&str, &[&str])] = &[
    (CORE, &[]),
    ("logfire-rs-macros", &[]),
    ("logfire-rs-delivery", &[]),
    ("logfire-rs-proxy", &[CORE, "logfire-rs-delivery"]),
    ("logfire-rs-sdk", &[CORE, "logfire-rs-delivery", "logfire-rs-proxy"]),
    ("logfire-rs-tower", &[CORE, "logfire-rs-proxy"]),
    ("logfire-rs-reqwest", &[CORE]),
    ("logfire-rs-hyper", &[CORE, "logfire-rs-proxy", "logfire-rs-tower"]),
    ("logfire-rs-axum", &[CORE, "logfire-rs-macros", "logfire-rs-proxy", "logfire-rs-tower"]),
    ("logfire-rs-warp", &[CORE, "logfire-rs-macros", "logfire-rs-proxy", "logfire-rs-tower"]),
    ("logfire-rs-actix-web", &[CORE, "logfire-rs-macros", "logfire-rs-proxy"]),
];

/// The instrumentation speaks the API of OpenTelemetry and works under any SDK.
const SDKS: &[&str] =
    &["opentelemetry-otlp", "opentelemetry_sdk", "tracing", "tracing-opentelemetry"];
const SDK_USERS: &[&str] = &["logfire-rs-delivery", "logfire-rs-proxy", "logfire-rs-sdk"];

pub(super) fn check_members(members: &[Package]) -> Vec<Violation> {
    members.iter().flat_map(check_member).collect()
}

fn check_member(package: &Package) -> Vec<Violation> {
    let violation = |what| Violation { path: package.manifest.clone(), line: 1, what };
    let mut found = Vec::new();
    for name in &package.dependencies {
        let name = name.as_str();
        if package.name == CORE && !CORE_DEPENDENCIES.contains(&name) {
            found.push(violation(format!(
                "remove `{name}` from core, which has a list of what it may use"
            )));
        }
        let Some((_, below)) = ARROWS.iter().find(|(from, _)| *from == package.name) else {
            continue;
        };
        if name.starts_with("logfire-rs") && !below.contains(&name) {
            found.push(violation(format!(
                "turn the arrow to `{name}`: it does not lie below `{}`",
                package.name
            )));
        }
        if SDKS.contains(&name) && !SDK_USERS.contains(&package.name.as_str()) {
            found.push(violation(format!(
                "remove `{name}`: the instrumentation speaks the OpenTelemetry API only"
            )));
        }
    }
    found
}

/// Checks what needs a newer Rust than is promised.
pub(super) fn check_rust_version(too_young: &[String]) -> Vec<Violation> {
    let what = |package| {
        format!(
            "go back to an older `{package}`: it needs a newer Rust than `rust-version` promises"
        )
    };
    let path = || "Cargo.lock".to_owned();
    too_young.iter().map(|it| Violation { path: path(), line: 1, what: what(it) }).collect()
}

/// Checks the output of `cargo tree --prefix none`, in which each line begins with a name.
pub(super) fn check_core_tree(tree: &str) -> Vec<Violation> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let is_framework = |name: &&str| {
        FRAMEWORKS.iter().any(|framework| {
            name.strip_prefix(framework)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    let frameworks: BTreeSet<_> = names.filter(is_framework).collect();
    let what = |name| format!("keep `{name}` out of core's tree: no framework below core");
    let path = format!("crates/{CORE}/Cargo.toml");
    frameworks
        .into_iter()
        .map(|name| Violation { path: path.clone(), line: 1, what: what(name) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    fn checked(name: &str, dependencies: &[&str]) -> Vec<String> {
        shown(check_members(&[Package {
            name: name.to_owned(),
            manifest: "Cargo.toml".to_owned(),
            published: true,
            features: Vec::new(),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        }]))
    }

    #[test]
    fn core_needs_little() {
        assert_eq!(
            checked(CORE, &["regex", "url"]),
            ["Cargo.toml:1: remove `url` from core, which has a list of what it may use"]
        );
        assert_eq!(checked(CORE, CORE_DEPENDENCIES), [""; 0]);
        assert_eq!(checked("logfire-rs-sdk", &["url"]), [""; 0]);
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(
            checked("logfire-rs-proxy", &["logfire-rs-delivery", "logfire-rs-sdk"]),
            [
                "Cargo.toml:1: turn the arrow to `logfire-rs-sdk`: it does not lie below `logfire-rs-proxy`"
            ]
        );
        assert_eq!(checked("logfire-rs-axum", &["logfire-rs-tower", CORE, "axum"]), [""; 0]);
        assert_eq!(checked("quickstart", &["logfire-rs", "opentelemetry_sdk"]), [""; 0]);
    }

    #[test]
    fn the_instrumentation_needs_no_sdk() {
        assert_eq!(
            checked("logfire-rs-tower", &["opentelemetry_sdk"]),
            [
                "Cargo.toml:1: remove `opentelemetry_sdk`: the instrumentation speaks the OpenTelemetry API only"
            ]
        );
        assert_eq!(checked("logfire-rs-sdk", &["opentelemetry_sdk"]), [""; 0]);
    }

    #[test]
    fn dependencies_are_not_younger_than_the_promise() {
        assert_eq!(
            shown(check_rust_version(&["a 1.0.0".to_owned()])),
            [
                "Cargo.lock:1: go back to an older `a 1.0.0`: it needs a newer Rust than `rust-version` promises"
            ]
        );
        assert_eq!(shown(check_rust_version(&[])), [""; 0]);
    }

    #[test]
    fn no_framework_below_core() {
        assert_eq!(
            shown(check_core_tree(
                "logfire-rs-core v0.1.0 (/repo)\nregex v1.0.0\nhttp-body v1.0.0\nserde v1.0.0\nhttp-body v1.0.0 (*)\n"
            )),
            [
                "crates/logfire-rs-core/Cargo.toml:1: keep `http-body` out of core's tree: no framework below core"
            ]
        );
        assert_eq!(shown(check_core_tree("opentelemetry v0.33.0\nhttparse v1.0.0\n")), [""; 0]);
    }
}
