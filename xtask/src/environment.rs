//! The environment of the commands that build.

use std::env;

use xshell::Cmd;

/// The command without what `cargo run` says about xtask.
///
/// Some build scripts, among them ring's, watch these variables. With them, each build from here would throw away much
/// of the one before it that a developer started by hand.
pub(crate) fn as_if_typed(command: Cmd<'_>) -> Cmd<'_> {
    names().filter(|name| is_set_by_cargo_run(name)).fold(command, Cmd::env_remove)
}

/// The command without any setting of telemetry.
pub(crate) fn without_telemetry(command: Cmd<'_>) -> Cmd<'_> {
    names().filter(|name| configures_telemetry(name)).fold(command, Cmd::env_remove)
}

fn names() -> impl Iterator<Item = String> {
    env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

fn is_set_by_cargo_run(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
        || ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"]
            .contains(&name)
}

fn configures_telemetry(name: &str) -> bool {
    ["LOGFIRE_", "OTEL_"].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_a_package_is_removed() {
        let names = [
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_TARGET_DIR",
            "CARGO_HOME",
        ];
        let removed: Vec<_> = names.into_iter().filter(|name| is_set_by_cargo_run(name)).collect();
        assert_eq!(removed, ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"]);
    }

    #[test]
    fn telemetry_is_configured_by_two_families() {
        let names = ["OTEL_SERVICE_NAME", "LOGFIRE_TOKEN", "PATH", "HOTEL_NAME"];
        let removed: Vec<_> = names.into_iter().filter(|name| configures_telemetry(name)).collect();
        assert_eq!(removed, ["OTEL_SERVICE_NAME", "LOGFIRE_TOKEN"]);
    }
}
