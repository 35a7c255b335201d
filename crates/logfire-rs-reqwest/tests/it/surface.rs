//! The surface of reqwest, as its source has it, against ours.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

const OURS: [(&str, &str, &str); 4] = [
    ("src/async_impl/client.rs", "impl Client {", include_str!("../../src/client.rs")),
    ("src/async_impl/request.rs", "impl RequestBuilder {", include_str!("../../src/request.rs")),
    ("src/blocking/client.rs", "impl Client {", include_str!("../../src/blocking.rs")),
    ("src/blocking/request.rs", "impl RequestBuilder {", include_str!("../../src/blocking.rs")),
];

#[test]
fn every_method_of_reqwest_is_there() {
    let reqwest = source_of_reqwest();
    for (path, header, ours) in OURS {
        let theirs = std::fs::read_to_string(reqwest.join(path)).unwrap();
        let methods = methods(&theirs, header);
        assert!(methods.len() > 8, "{path}: {methods:?}");
        let missing: Vec<_> = methods
            .into_iter()
            .filter(|it| !ours.contains(&format!("pub fn {it}")))
            // The methods that a macro makes.
            .filter(|it| !ours.contains(&format!(" {it} {};", it.to_uppercase())))
            .collect();
        assert_eq!(missing, [""; 0], "of {header} in {path}");
    }
}

/// The methods of the client builders that are called through `map`: they take types that have no
/// public name, belong to one TLS library, or need a feature that is not ours.
const THROUGH_MAP: [&str; 15] = [
    "connector_layer",
    "http3_congestion_bbr",
    "http3_conn_receive_window",
    "http3_max_field_section_size",
    "http3_max_idle_timeout",
    "http3_prior_knowledge",
    "http3_send_grease",
    "http3_send_window",
    "http3_stream_receive_window",
    "tls_backend_native",
    "tls_backend_preconfigured",
    "tls_early_data",
    "use_native_tls",
    "use_preconfigured_tls",
    "windows_named_pipe",
];

#[test]
fn every_method_of_the_client_builders_is_there_or_named_as_missing() {
    let both = include_str!("../../src/passed_on.rs");
    for (path, own) in [
        ("src/async_impl/client.rs", include_str!("../../src/client_builder.rs")),
        ("src/blocking/client.rs", include_str!("../../src/blocking/client_builder.rs")),
    ] {
        let theirs = std::fs::read_to_string(source_of_reqwest().join(path)).unwrap();
        let methods = methods(&theirs, "impl ClientBuilder {");
        assert!(methods.len() > 60, "{path}: {methods:?}");
        let ours = |it: &str| {
            own.contains(&format!("pub fn {it}"))
                || [own, both].iter().any(|ours| ours.contains(&format!(" {it}(")))
        };
        let missing: Vec<_> = methods.iter().filter(|it| !ours(it)).collect();
        let expected: Vec<_> = THROUGH_MAP.iter().filter(|it| methods.contains(**it)).collect();
        assert_eq!(missing, expected, "{path}");
    }
}

/// Features that choose a TLS library or need more than cargo, with which reqwest is asked itself.
const NOT_MAPPED: [&str; 8] = [
    "default",
    "default-tls",
    "http3",
    "native-tls",
    "native-tls-no-alpn",
    "native-tls-vendored",
    "native-tls-vendored-no-alpn",
    "rustls",
];

#[test]
fn every_feature_of_reqwest_is_there_or_named_as_missing() {
    let manifest = std::fs::read_to_string(source_of_reqwest().join("Cargo.toml")).unwrap();
    let ours = include_str!("../../Cargo.toml");
    let features = manifest.split("[features]").nth(1).unwrap();
    let features = features.split("\n[").next().unwrap();
    let names = features.lines().filter(|it| !it.starts_with(' ')).filter_map(|it| {
        let (name, _) = it.split_once(" =")?;
        (!name.starts_with("__")).then_some(name)
    });
    let mut found = 0;
    for name in names {
        let mapped = ours.contains(&format!("\"reqwest/{name}\""));
        assert_eq!(mapped, !NOT_MAPPED.contains(&name), "{name}");
        found += 1;
    }
    assert!(found > 20, "{found}");
}

fn source_of_reqwest() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let reqwest = packages.iter().find(|it| it["name"] == "reqwest").unwrap();
    let manifest = PathBuf::from(reqwest["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().to_owned()
}

/// The public methods of the blocks that start with `header`.
fn methods(source: &str, header: &str) -> BTreeSet<String> {
    let start = format!("\n{header}\n");
    let blocks = source.split(&start).skip(1).filter_map(|it| it.split("\n}\n").next());
    let names = blocks.flat_map(str::lines).filter_map(|it| it.strip_prefix("    pub fn "));
    let name = |it: &str| it.split(['(', '<']).next().unwrap().to_owned();
    names.map(name).collect()
}
