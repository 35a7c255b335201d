//! `cargo xtask full`: everything that can be checked, run before a piece of work is called done.
//!
//! It goes on after a failure, because its result is a table: the last one stands in docs/reliability.md.

use std::time::Instant;

use xshell::{Shell, cmd};

use crate::{
    Result, ci,
    step::{Step, minutes},
};

/// What takes too long, or needs too much installed, for every change.
const STEPS: &[Step] = &[
    Step { name: "msrv", command: "cargo +1.89 check --workspace --all-features" },
    Step { name: "deny", command: "cargo deny --all-features check bans licenses sources" },
];

const DOCUMENT: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- written by `cargo xtask full`: begin -->\n";
const END: &str = "<!-- written by `cargo xtask full`: end -->\n";

pub(crate) fn run(sh: &Shell) -> Result {
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for step in ci::STEPS.iter().chain(STEPS) {
        let own_start = Instant::now();
        let passed = step.run(sh, started);
        outcomes.push(Outcome { step, passed, took: minutes(own_start) });
    }

    let date = cmd!(sh, "date -u +%F").quiet().read()?;
    let document = sh.read_file(DOCUMENT)?;
    let table = table(&date, &outcomes);
    sh.write_file(
        DOCUMENT,
        replaced(&document, &table).ok_or(format!("{DOCUMENT} has lost its two markers"))?,
    )?;
    println!("\n{table}");

    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| !outcome.passed)
        .map(|outcome| outcome.step.name)
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

struct Outcome {
    step: &'static Step,
    passed: bool,
    took: String,
}

fn table(date: &str, outcomes: &[Outcome]) -> String {
    let mut table = format!(
        "Last run: {date}.\n\n| check | command | result | took |\n| --- | --- | --- | --- |\n"
    );
    for Outcome { step: Step { name, command }, passed, took } in outcomes {
        let result = if *passed { "passed" } else { "**failed**" };
        table.push_str(&format!("| {name} | `{command}` | {result} | {took} |\n"));
    }
    table
}

fn replaced(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_the_last_one() {
        let document = format!("# Title\n{BEGIN}old\n{END}after\n");
        let outcomes = [
            Outcome {
                step: &Step { name: "fmt", command: "cargo fmt" },
                passed: true,
                took: "0:01".to_owned(),
            },
            Outcome {
                step: &Step { name: "deny", command: "cargo deny" },
                passed: false,
                took: "1:00".to_owned(),
            },
        ];
        let written = replaced(&document, &table("2026-01-02", &outcomes)).unwrap();
        assert!(
            written.starts_with(&format!("# Title\n{BEGIN}Last run: 2026-01-02.\n")),
            "{written}"
        );
        assert!(written.contains(
            "| fmt | `cargo fmt` | passed | 0:01 |\n| deny | `cargo deny` | **failed** | 1:00 |\n"
        ));
        assert!(written.ends_with(&format!("{END}after\n")), "{written}");
    }

    #[test]
    fn a_document_without_markers_is_left_alone() {
        assert_eq!(replaced("# Title\n", "table"), None);
    }
}
