//! `cargo xtask full`: everything that can be checked, run before a piece of work is called done.
//!
//! It goes on after a failure, because its result is a table: the last one stands in docs/reliability.md.

use std::time::Instant;

use xshell::{Shell, cmd};

use crate::{
    Result, ci, document,
    step::{Step, minutes},
};

/// What takes too long, or needs too much installed, for every change.
const STEPS: &[Step] = &[
    Step { name: "compat", command: "cargo xtask compat" },
    Step {
        name: "native-tls",
        command: "cargo test --locked --manifest-path compat/native-tls/Cargo.toml",
    },
    Step { name: "msrv", command: "cargo +1.89 check --workspace --all-features" },
    Step { name: "deny", command: "cargo deny --all-features check bans licenses sources" },
    Step { name: "demo", command: "cargo xtask demo --picture target/trace.png" },
    Step { name: "grafana", command: "cargo xtask grafana" },
    Step {
        name: "peers",
        command: "cargo clippy --manifest-path bench/Cargo.toml --all-targets -- -D warnings",
    },
];

const DOCUMENT: &str = "docs/reliability.md";

pub(crate) fn run(sh: &Shell) -> Result {
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for step in ci::STEPS.iter().chain(STEPS) {
        let own_start = Instant::now();
        let passed = step.run(sh, started);
        outcomes.push(Outcome { step, passed, took: minutes(own_start) });
    }

    let date = cmd!(sh, "date -u +%F").quiet().read()?;
    let table = table(&date, &outcomes);
    document::write(sh, DOCUMENT, "cargo xtask full", &table)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_passed() {
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
        let written = table("2026-01-02", &outcomes);
        assert!(written.starts_with("Last run: 2026-01-02.\n"), "{written}");
        assert!(written.contains(
            "| fmt | `cargo fmt` | passed | 0:01 |\n| deny | `cargo deny` | **failed** | 1:00 |\n"
        ));
    }
}
