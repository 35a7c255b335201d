//! `docs/acceptance.md`: the tests that it names exist, and no case is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// The cases of each letter.
const CASES: [(&str, &[std::ops::RangeInclusive<u32>]); 15] = [
    ("U", &[1..=8, 10..=36, 40..=47, 50..=67, 70..=75]),
    ("A", &[1..=43]),
    ("H", &[1..=14]),
    ("F", &[1..=34]),
    ("P", &[1..=16]),
    ("M", &[1..=43]),
    ("E", &[1..=10]),
    ("B", &[1..=20]),
    ("C", &[1..=40]),
    ("L", &[1..=23]),
    ("S", &[1..=19]),
    ("K", &[1..=11]),
    ("G", &[1..=12]),
    ("R", &[1..=9]),
    ("V", &[1..=4]),
];

/// What is wrong with the rows of `list`.
fn faults(list: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sources = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in list.lines().filter(|it| it.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [case, _, tests] = cells[..] else {
            faults.push(format!("`{line}` has not three cells"));
            continue;
        };
        if matches!(case, "case" | "---") {
            continue;
        }
        if !seen.insert(case.to_owned()) {
            faults.push(format!("{case} is there twice"));
        }
        if tests.strip_prefix("N/A: ").is_some_and(|reason| !reason.is_empty()) {
            continue;
        }
        for test in tests.split(", ") {
            let link = test.strip_prefix("[`").and_then(|it| it.strip_suffix(')'));
            let Some((name, path)) = link.and_then(|it| it.split_once("`](")) else {
                faults.push(format!("{case}: `{test}` is no test"));
                continue;
            };
            let source = sources.entry(path.to_owned()).or_insert_with(|| {
                std::fs::read_to_string(Path::new(DOCS).join(path)).unwrap_or_default()
            });
            let function = format!("fn {name}()");
            let is_test = source.split("#[").any(|it| {
                it.split_once(']').is_some_and(|(attribute, rest)| {
                    attribute.contains("test") && rest.contains(&function)
                })
            });
            if !is_test {
                faults.push(format!("{case}: there is no test `{name}` in {path}"));
            }
        }
    }
    for (letter, ranges) in CASES {
        for case in ranges.iter().cloned().flatten().map(|it| format!("{letter}{it}")) {
            if !seen.contains(&case) {
                faults.push(format!("{case} is left out"));
            }
        }
    }
    faults
}

#[test]
fn every_case_has_a_test_or_a_reason() {
    let list = std::fs::read_to_string(Path::new(DOCS).join("acceptance.md")).unwrap();
    assert_eq!(faults(&list), [""; 0]);
}

#[test]
fn a_fault_of_the_list_is_found() {
    let list = "| U1 | x | [`no_such_test`](../crates/logfire-rs-core/src/method.rs) |\n\
                | U2 | x | N/A: |\n| U3 | x | N/A: a reason |\n| U3 | x | N/A: a reason |";
    assert_eq!(
        faults(list)[..4],
        [
            "U1: there is no test `no_such_test` in ../crates/logfire-rs-core/src/method.rs",
            "U2: `N/A:` is no test",
            "U3 is there twice",
            "U4 is left out",
        ]
    );
}
