//! `cargo xtask full`: everything that can be checked, run before a piece of work is called done.
//!
//! It goes on after a failure, because its result is a table: the last one stands in docs/reliability.md.

use std::time::Instant;

use xshell::{Shell, cmd};

use crate::{
    Result, ci, document, flags,
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
    Step { name: "minimal-versions", command: "cargo xtask minimal-versions" },
    Step { name: "deny", command: "cargo deny --all-features check bans licenses sources" },
    Step { name: "fuzz", command: "cargo xtask fuzz --seconds 30" },
    Step { name: "miri", command: "cargo +nightly miri test -p logfire-rs-core --lib w3c" },
    Step { name: "soak", command: "cargo xtask soak --minutes 3" },
    Step { name: "demo", command: "cargo xtask demo --picture target/trace.png" },
    Step { name: "grafana", command: "cargo xtask grafana" },
    Step { name: "guides", command: "cargo xtask guides" },
    Step {
        name: "peers",
        command: "cargo clippy --manifest-path bench/Cargo.toml --all-targets -- -D warnings",
    },
];

/// What a step needs that a machine may not have.
struct Need {
    step: &'static str,
    /// Fails if it is not there.
    probe: &'static str,
    remedy: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        step: "msrv",
        probe: "cargo +1.89 --version",
        remedy: "rustup toolchain install 1.89 --profile minimal",
    },
    Need {
        step: "minimal-versions",
        probe: "cargo +nightly --version",
        remedy: "rustup toolchain install nightly --profile minimal",
    },
    Need {
        step: "deny",
        probe: "cargo deny --version",
        remedy: "cargo install --locked cargo-deny",
    },
    Need {
        step: "fuzz",
        probe: "cargo +nightly fuzz --version",
        remedy: "cargo install --locked cargo-fuzz",
    },
    Need {
        step: "miri",
        probe: "cargo +nightly miri --version",
        remedy: "rustup component add --toolchain nightly miri",
    },
    Need { step: "grafana", probe: "prometheus --version", remedy: "apt-get install prometheus" },
    Need { step: "guides", probe: "curl --version", remedy: "apt-get install curl" },
    Need { step: "demo", probe: "protoc --version", remedy: "apt-get install protobuf-compiler" },
];

const DOCUMENT: &str = "docs/reliability.md";
const COMMAND: &str = "cargo xtask full";

pub(crate) fn run(sh: &Shell, flags: &flags::Full) -> Result {
    let chosen = chosen(flags)?;
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for step in chosen {
        let own_start = Instant::now();
        let missing = NEEDS.iter().find(|need| need.step == step.name && !is_there(sh, need));
        let result = match missing {
            Some(need) => {
                println!("\n=== {} is not possible here; it needs: {}", step.name, need.remedy);
                Verdict::Impossible(need.remedy)
            }
            None if step.run(sh, started) => Verdict::Passed,
            None => Verdict::Failed,
        };
        outcomes.push(Outcome { step, result, took: minutes(own_start) });
    }

    let date = cmd!(sh, "date -u +%F").quiet().read()?;
    let before = document::read(sh, DOCUMENT, COMMAND)?;
    let table = table(&before, &date, &outcomes);
    document::write(sh, DOCUMENT, COMMAND, &table)?;
    println!("\n{table}");

    verdict(flags, &outcomes)
}

/// Fails if a step did, or if one that was asked for by its name was not possible.
fn verdict(flags: &flags::Full, outcomes: &[Outcome]) -> Result {
    let names = |is: fn(&Verdict) -> bool| {
        let found = outcomes.iter().filter(|outcome| is(&outcome.result));
        found.map(|outcome| outcome.step.name).collect::<Vec<_>>().join(", ")
    };
    let failed = names(|it| *it == Verdict::Failed);
    if !failed.is_empty() {
        return Err(format!("failed: {failed}").into());
    }
    let impossible = names(|it| matches!(it, Verdict::Impossible(_)));
    if !flags.only.is_empty() && !impossible.is_empty() {
        return Err(format!("not possible: {impossible}").into());
    }
    Ok(())
}

fn is_there(sh: &Shell, need: &Need) -> bool {
    let probe = need.probe;
    cmd!(sh, "sh -c {probe}").quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

fn all() -> impl Iterator<Item = &'static Step> {
    ci::STEPS.iter().chain(STEPS)
}

fn chosen(flags: &flags::Full) -> Result<Vec<&'static Step>> {
    let mut named = flags.skip.iter().chain(&flags.only);
    if let Some(unknown) = named.find(|name| all().all(|step| step.name != **name)) {
        return Err(format!("full has no step `{unknown}`").into());
    }
    let is_in = |names: &[String], step: &Step| names.iter().any(|name| name == step.name);
    Ok(all()
        .filter(|step| flags.only.is_empty() || is_in(&flags.only, step))
        .filter(|step| !is_in(&flags.skip, step))
        .collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// The machine lacks something; how to get it.
    Impossible(&'static str),
}

struct Outcome {
    step: &'static Step,
    result: Verdict,
    took: String,
}

/// A row for each step. What was not run keeps its row of the table `before`.
fn table(before: &str, date: &str, outcomes: &[Outcome]) -> String {
    let mut table = "\
        | check | command | result | took | last run |\n\
        | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for step in all() {
        let Step { name, command } = step;
        let begin = format!("| {name} | ");
        let outcome = outcomes.iter().find(|outcome| outcome.step.name == *name);
        let row = match outcome {
            Some(Outcome { result, took, .. }) => {
                let result = match result {
                    Verdict::Passed => "passed".to_owned(),
                    Verdict::Failed => "**failed**".to_owned(),
                    Verdict::Impossible(remedy) => {
                        format!("not possible there, without `{remedy}`")
                    }
                };
                format!("{begin}`{command}` | {result} | {took} | {date} |")
            }
            None => match before.lines().find(|line| line.starts_with(&begin)) {
                Some(row) => row.to_owned(),
                None => format!("{begin}`{command}` | not run yet | | |"),
            },
        };
        table.push_str(&row);
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(skip: &[&str], only: &[&str]) -> flags::Full {
        let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        flags::Full { skip: owned(skip), only: owned(only) }
    }

    fn names(flags: &flags::Full) -> Vec<&'static str> {
        chosen(flags).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn steps_are_chosen_or_left_out() {
        assert_eq!(names(&flags(&[], &["deny", "fmt"])), ["fmt", "deny"]);
        assert_eq!(names(&flags(&["fmt"], &["deny", "fmt"])), ["deny"]);
        let all_but_one = names(&flags(&["test"], &[]));
        assert_eq!(all_but_one.len() + 1, all().count());
        assert!(!all_but_one.contains(&"test"));
        let unknown = chosen(&flags(&[], &["denied"])).unwrap_err().to_string();
        assert_eq!(unknown, "full has no step `denied`");
    }

    #[test]
    fn what_was_asked_for_by_name_must_be_possible() {
        let told = |only: &[&str], results: &[(&str, Verdict)]| {
            let outcome = |(name, result): &(&str, Verdict)| {
                let step = all().find(|step| step.name == *name).unwrap();
                Outcome { step, result: *result, took: "0:01".to_owned() }
            };
            let outcomes: Vec<_> = results.iter().map(outcome).collect();
            verdict(&flags(&[], only), &outcomes).err().map(|error| error.to_string())
        };
        let lacking = Verdict::Impossible("get it");
        let passed = Verdict::Passed;
        assert_eq!(told(&[], &[("fmt", passed), ("miri", lacking)]), None);
        assert_eq!(told(&["fmt"], &[("fmt", passed)]), None);
        let of_two = told(&["fmt", "miri"], &[("fmt", passed), ("miri", lacking)]);
        assert_eq!(of_two.as_deref(), Some("not possible: miri"));
        let of_both = told(&["deny", "miri"], &[("deny", Verdict::Failed), ("miri", lacking)]);
        assert_eq!(of_both.as_deref(), Some("failed: deny"));
    }

    #[test]
    fn what_each_step_would_find_is_told() {
        let document = include_str!("../../docs/reliability.md");
        for step in all() {
            let row = format!("| `{}` | ", step.name);
            let elsewhere = document.contains(&format!("cargo xtask bench --{}` | ", step.name));
            assert!(document.contains(&row) || elsewhere, "{DOCUMENT} has no row of {}", step.name);
        }
    }

    #[test]
    fn a_need_is_one_of_a_step() {
        for need in NEEDS {
            assert!(STEPS.iter().any(|step| step.name == need.step), "{}", need.step);
        }
    }

    #[test]
    fn the_table_says_what_passed_and_keeps_what_was_not_run() {
        let step = |name: &str| all().find(|step| step.name == name).unwrap();
        let outcome = |name, result| Outcome { step: step(name), result, took: "0:01".to_owned() };
        let outcomes = [
            outcome("fmt", Verdict::Passed),
            outcome("deny", Verdict::Failed),
            outcome("miri", Verdict::Impossible("get it")),
        ];
        let before =
            "| fmt | old | old | old | old |\n| compat | kept | passed | 3:00 | earlier |\n";
        let written = table(before, "2026-01-02", &outcomes);
        for row in [
            "| fmt | `cargo fmt --all --check` | passed | 0:01 | 2026-01-02 |\n",
            "| deny | `cargo deny --all-features check bans licenses sources` | **failed** | 0:01 | 2026-01-02 |\n",
            "| not possible there, without `get it` | 0:01 | 2026-01-02 |\n",
            "| compat | kept | passed | 3:00 | earlier |\n",
            "| grafana | `cargo xtask grafana` | not run yet | | |\n",
        ] {
            assert!(written.contains(row), "{row} is not in {written}");
        }
        assert_eq!(written.lines().count(), 2 + all().count());
    }
}
