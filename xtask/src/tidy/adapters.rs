//! An adapter says where its framework keeps things; core decides what becomes of them.

use super::{
    File, Violation, find,
    scan::{Scanned, scan},
};

/// The crates `logfire-rs-*` that adapt a framework.
pub(super) const ADAPTERS: &[&str] = &["tower", "hyper", "axum", "actix-web", "warp", "reqwest"];

const FACADE_MANIFEST: &str = "crates/logfire-rs/Cargo.toml";
const FACADE: &str = "crates/logfire-rs/src/lib.rs";
const README: &str = "README.md";
const CONFORMANCE: &str = "crates/logfire-rs-conformance/Cargo.toml";

/// What an adapter's product code may not name, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("KeyValue", "leave `KeyValue` to core: attributes are decided there"),
    ("opentelemetry_semantic_conventions", "leave semantic conventions to core"),
    ("semconv", "leave semantic conventions to core"),
    ("env::var", "leave the environment to core's options"),
];

/// How the names of semantic conventions begin.
const ATTRIBUTE_NAMES: &[&str] =
    &["client.", "error.type", "exception.", "http.", "network.", "server.", "url.", "user_agent."];

const BOXED: &[&str] = &["Box::pin", "BoxFuture", "Pin<Box<"];

/// Files of adapters whose boxed future cannot be avoided, with the reason.
const BOXED_ON_PURPOSE: &[(&str, &str)] = &[
    ("crates/logfire-rs-warp/", "the future of a warp filter cannot be named; it is boxed once"),
    ("crates/logfire-rs-reqwest/src/resolver.rs", "reqwest wants the future of a lookup boxed"),
];

const MAX_PLUMBING: usize = 300;

/// Adapters with another limit, with the reason.
const OTHER_LIMITS: &[(&str, usize, &str)] = &[
    ("actix-web", 425, "is on http 0.2, so what the others find in tower is here once more"),
    ("hyper", 350, "adapts servers and clients"),
    ("reqwest", 350, "sees connections, redirects and retries too"),
    ("tower", 1060, "holds what axum, warp and hyper share, for servers and for clients"),
];

/// Modules of adapters that are not span plumbing, with the reason.
const NOT_PLUMBING: &[(&str, &str)] = &[
    ("axum/src/endpoint", "the extractors of the endpoint record"),
    ("actix-web/src/endpoint", "the extractors of the endpoint record"),
    ("actix-web/src/error_type", "the table of errors and their words"),
    ("actix-web/src/likely", "remembers what actix-web takes long to find"),
    ("actix-web/src/lib", "modules, re-exports and entry points"),
    ("actix-web/src/task", "the tasks of WebSockets"),
    ("warp/src/endpoint", "the extractors of the endpoint record"),
    ("tower/src/proxy", "mounts the telemetry proxy"),
    ("tower/src/ws", "what the mirrored WebSockets share"),
    ("axum/src/ws", "mirrors `axum::extract::ws`"),
    ("axum/src/proxy", "mounts the telemetry proxy"),
    ("actix-web/src/proxy", "mounts the telemetry proxy"),
    ("warp/src/filters", "stands in for `warp::addr::remote`"),
    ("warp/src/path", "mirrors `warp::path!`"),
    ("warp/src/proxy", "mounts the telemetry proxy"),
    ("warp/src/rejection", "the table of rejections and their words"),
    ("warp/src/route", "the route templates that warp does not have"),
    ("warp/src/serve", "mirrors `warp::serve`"),
    ("warp/src/ws", "mirrors `warp::ws`"),
    ("hyper/src/client/connector", "the connections of a client, below its requests"),
    ("hyper/src/proxy", "mounts the telemetry proxy"),
    ("reqwest/src/blocking", "mirrors `reqwest::blocking`"),
    ("reqwest/src/client", "mirrors `reqwest::Client`"),
    ("reqwest/src/connect", "the connections of a client, below its requests"),
    ("reqwest/src/error_type", "the table of errors and their words"),
    ("reqwest/src/exporter", "another front end, for exporters"),
    ("reqwest/src/hops", "follows redirects"),
    ("reqwest/src/lib", "modules, re-exports and constructors"),
    ("reqwest/src/middleware", "another front end, for reqwest-middleware"),
    ("reqwest/src/passed_on", "mirrors the client builders of reqwest"),
    ("reqwest/src/request", "mirrors `reqwest::RequestBuilder`"),
    ("reqwest/src/resolver", "the name resolution of a client, below its requests"),
];

pub(super) fn check_source(file: &File, scanned: &Scanned) -> Vec<Violation> {
    if !ADAPTERS.iter().any(|adapter| in_product(file, adapter)) {
        return Vec::new();
    }
    let may_box = BOXED_ON_PURPOSE.iter().any(|(path, _)| file.path.starts_with(path));
    let mut found = Vec::new();
    for (number, line) in scanned.product_code() {
        let forbidden = FORBIDDEN.iter().filter(|(needle, _)| line.contains(needle));
        found.extend(forbidden.map(|(_, instead)| file.violation(number, *instead)));
        if !may_box && BOXED.iter().any(|needle| line.contains(needle)) {
            found.push(file.violation(
                number,
                "name the future instead of boxing it, or say why in `BOXED_ON_PURPOSE`",
            ));
        }
    }
    for (number, line) in scanned.product_code_with_literals() {
        let name = ATTRIBUTE_NAMES.iter().find(|name| line.contains(&format!("\"{name}")));
        found.extend(name.map(|name| {
            file.violation(number, format!("leave attributes such as `{name}` to core"))
        }));
    }
    found
}

/// Each adapter stays thin.
pub(super) fn check_size(files: &[File]) -> Vec<Violation> {
    let plumbing = |adapter: &str| -> usize {
        let product =
            files.iter().filter(|file| file.path.ends_with(".rs") && in_product(file, adapter));
        let plumbing = product.filter(|file| {
            !NOT_PLUMBING
                .iter()
                .any(|(path, _)| file.path.starts_with(&format!("crates/logfire-rs-{path}")))
        });
        plumbing.map(|file| scan(&file.text).code_lines()).sum()
    };
    let too_thick = |adapter: &&str| {
        let count = plumbing(adapter);
        let other = OTHER_LIMITS.iter().find(|(name, ..)| *name == *adapter);
        let limit = other.map_or(MAX_PLUMBING, |(_, limit, _)| *limit);
        let what = format!(
            "move decisions to core: {count} code lines of span plumbing, at most {limit} (see `NOT_PLUMBING`)"
        );
        let file = find(files, &format!("crates/logfire-rs-{adapter}/src/lib.rs"))?;
        (count > limit).then(|| file.violation(1, what))
    };
    ADAPTERS.iter().filter_map(too_thick).collect()
}

/// What a reader looks for in the guide of each framework, as in those of Logfire's Python SDK.
const SECTIONS: &[&str] =
    &["Install", "Example", "Options", "Excluding URLs", "Capturing headers", "Masking"];

/// Each adapter has a guide, with the same sections in the same order, among others.
pub(super) fn check_guides(files: &[File]) -> Vec<Violation> {
    let exists =
        |adapter: &&&str| find(files, &format!("crates/logfire-rs-{adapter}/Cargo.toml")).is_some();
    let mut found = Vec::new();
    for adapter in ADAPTERS.iter().filter(exists) {
        let path = format!("docs/{adapter}.md");
        let mut lines = find(files, &path).map(|file| file.text.lines()).into_iter().flatten();
        for section in SECTIONS {
            let heading = format!("## {section}");
            if !lines.any(|line| line == heading) {
                let what = format!("add `{heading}`, in the order of the other guides");
                found.push(Violation { path: path.clone(), line: 1, what });
                break;
            }
        }
    }
    found
}

/// Each adapter that exists is in the facade, in the table of the README, and in the conformance suite.
pub(super) fn check_mentions(files: &[File]) -> Vec<Violation> {
    let exists =
        |adapter: &&&str| find(files, &format!("crates/logfire-rs-{adapter}/Cargo.toml")).is_some();
    let mut found = Vec::new();
    for adapter in ADAPTERS.iter().filter(exists) {
        let identifier = format!("logfire_rs_{}", adapter.replace('-', "_"));
        let is_feature =
            |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == *adapter);
        let is_row = |line: &str| line.starts_with('|') && line.contains(&format!("`{adapter}`"));
        let is_dependency = |line: &str| line.starts_with(&format!("logfire-rs-{adapter}."));
        let mut require = |path: &str, what: String, is_mention: &dyn Fn(&str) -> bool| {
            let mentioned = find(files, path).is_some_and(|file| file.text.lines().any(is_mention));
            if !mentioned {
                found.push(Violation { path: path.to_owned(), line: 1, what });
            }
        };
        require(FACADE_MANIFEST, format!("add the feature `{adapter}`"), &is_feature);
        require(FACADE, format!("re-export `{identifier}`"), &|line| line.contains(&identifier));
        require(README, format!("add a row for `{adapter}` to the feature table"), &is_row);
        require(
            CONFORMANCE,
            format!("run the exchanges through `logfire-rs-{adapter}`"),
            &is_dependency,
        );
    }
    found
}

fn in_product(file: &File, adapter: &str) -> bool {
    let inside =
        file.path.strip_prefix("crates/logfire-rs-").and_then(|path| path.strip_prefix(adapter));
    let module = inside.and_then(|path| path.strip_prefix("/src/"));
    module.is_some_and(|path| {
        path != "tests.rs" && !path.starts_with("tests/") && !path.ends_with("/tests.rs")
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    fn checked(path: &str, text: &str) -> Vec<String> {
        let file = file(path, text);
        shown(check_source(&file, &scan(text)))
    }

    #[test]
    fn core_decides() {
        for (needle, instead) in FORBIDDEN {
            let path = "crates/logfire-rs-axum/src/a.rs";
            assert_eq!(
                checked(path, &format!("use x::{needle};")),
                [format!("{path}:1: {instead}")]
            );
            assert_eq!(
                checked(path, &format!("// {needle}\n#[cfg(test)]\nmod tests {{ {needle} }}")),
                [""; 0]
            );
            assert_eq!(checked("crates/logfire-rs-core/src/a.rs", needle), [""; 0]);
            assert_eq!(checked("crates/logfire-rs-axum/tests/it/main.rs", needle), [""; 0]);
            assert_eq!(checked("crates/logfire-rs-axum/src/tests.rs", needle), [""; 0]);
        }
    }

    #[test]
    fn an_adapter_names_no_attribute() {
        let path = "crates/logfire-rs-actix-web/src/a.rs";
        let what = format!("{path}:1: leave attributes such as `http.` to core");
        assert_eq!(checked(path, "f(\"http.route\");"), [what]);
        assert_eq!(
            checked(path, "f(\"https\", \"http\", env!(\"X\")); // \"http.route\"\n"),
            [""; 0]
        );
    }

    #[test]
    fn futures_are_named() {
        let text = "Box::pin(async {})";
        let what = "name the future instead of boxing it, or say why in `BOXED_ON_PURPOSE`";
        let path = "crates/logfire-rs-tower/src/a.rs";
        assert_eq!(checked(path, text), [format!("{path}:1: {what}")]);
        assert_eq!(checked("crates/logfire-rs-warp/src/a.rs", text), [""; 0]);
        assert_eq!(checked(path, "Box::new(1)"), [""; 0]);
    }

    #[test]
    fn an_adapter_stays_thin() {
        let sized = |path: &str, count| file(path, &"f();\n".repeat(count));
        let lib = || sized("crates/logfire-rs-axum/src/lib.rs", 200);
        assert_eq!(
            shown(check_size(&[lib(), sized("crates/logfire-rs-axum/src/ws.rs", 200)])),
            [""; 0]
        );
        assert_eq!(
            shown(check_size(&[lib(), sized("crates/logfire-rs-axum/src/layer.rs", 101)])),
            [
                "crates/logfire-rs-axum/src/lib.rs:1: move decisions to core: 301 code lines of span plumbing, at most 300 (see `NOT_PLUMBING`)"
            ]
        );
    }

    #[test]
    fn guides_have_the_same_sections_in_the_same_order() {
        let found = |guide: &str| {
            shown(check_guides(&[
                file("crates/logfire-rs-warp/Cargo.toml", ""),
                file("docs/warp.md", guide),
            ]))
        };
        let guide = "# warp\n## Install\n## Example\n## Serving\n## Options\n## Excluding URLs\n\
            ## Capturing headers\n## Masking\n";
        assert_eq!(found(guide), [""; 0]);
        let missing = ["docs/warp.md:1: add `## Masking`, in the order of the other guides"];
        assert_eq!(found(&guide.replace("## Masking", "### Masking")), missing);
        let options = ["docs/warp.md:1: add `## Options`, in the order of the other guides"];
        assert_eq!(found(&format!("## Options\n{}", guide.replace("## Options\n", ""))), options);
        let none = ["docs/warp.md:1: add `## Install`, in the order of the other guides"];
        assert_eq!(found(""), none);
    }

    #[test]
    fn an_adapter_is_known_everywhere() {
        let adapter = || file("crates/logfire-rs-actix-web/Cargo.toml", "");
        assert_eq!(
            shown(check_mentions(&[adapter(), file(README, "`actix-web` outside of the table\n")])),
            [
                "crates/logfire-rs/Cargo.toml:1: add the feature `actix-web`",
                "crates/logfire-rs/src/lib.rs:1: re-export `logfire_rs_actix_web`",
                "README.md:1: add a row for `actix-web` to the feature table",
                "crates/logfire-rs-conformance/Cargo.toml:1: run the exchanges through `logfire-rs-actix-web`",
            ]
        );
        let complete = [
            adapter(),
            file(FACADE_MANIFEST, "[features]\nactix-web = [\"dep:logfire-rs-actix-web\"]\n"),
            file(FACADE, "pub use logfire_rs_actix_web as actix_web;\n"),
            file(README, "| `actix-web` | one line |\n"),
            file(CONFORMANCE, "[dependencies]\nlogfire-rs-actix-web.workspace = true\n"),
        ];
        assert_eq!(shown(check_mentions(&complete)), [""; 0]);
    }
}
