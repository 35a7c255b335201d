//! Builds the programs of bench/ and runs them.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

use xshell::{Shell, cmd};

use super::results::{Results, Row};
use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
};

/// What is measured of a front end.
struct Plan {
    front_end: &'static str,
    configurations: &'static [&'static str],
    rounds: u32,
    /// Requests in one round.
    count: u32,
    counts_instructions: bool,
}

const EVERY: &[&str] =
    &["sampled", "traceparent", "traceparent-alone", "unsampled", "no-sdk", "batch", "query"];
const SERVER: &[&str] = &["sampled", "traceparent", "unsampled", "no-sdk"];
const CLIENT: &[&str] = &["sampled", "unsampled", "no-sdk"];

const PLANS: &[Plan] = &[
    plan("axum", EVERY),
    plan("axum-direct", &["sampled", "traceparent", "unsampled"]),
    plan("axum-fastrace", &["sampled"]),
    plan("axum-endpoint", &["sampled", "unsampled"]),
    plan("axum-routes-1", &["sampled"]),
    plan("axum-routes-10", &["sampled"]),
    plan("axum-routes-1000", &["sampled"]),
    plan("axum-at-once-1", &["sampled"]),
    plan("axum-at-once-16", &["sampled"]),
    plan("tower", SERVER),
    plan("hyper", SERVER),
    plan("actix-web", SERVER),
    plan("warp", SERVER),
    plan("client-stub", CLIENT),
    plan("client-tower", CLIENT),
    Plan {
        rounds: 60,
        count: 200,
        counts_instructions: false,
        ..plan("client-loopback", &["sampled"])
    },
];

const fn plan(front_end: &'static str, configurations: &'static [&'static str]) -> Plan {
    Plan { front_end, configurations, rounds: 250, count: 480, counts_instructions: true }
}

/// What is measured with another allocator, too.
const AT_ONCE: [&str; 2] = ["axum-at-once-1", "axum-at-once-16"];

/// The requests whose instructions are counted; the count repeats to less than one percent.
const COUNTED: u32 = 480;

/// All front ends, which takes ten minutes on two processors, or those that are named.
pub(super) fn all(sh: &Shell, only: &[String]) -> Result<Results> {
    let is_named = |front_end: &str| only.is_empty() || only.iter().any(|it| it == front_end);
    let mut rows = Vec::new();
    let default = build(sh, "default")?;
    for plan in PLANS.iter().filter(|it| is_named(it.front_end)) {
        for configuration in plan.configurations {
            let is_wanted: fn(&str) -> bool = match *configuration {
                // Others do not look at the header then.
                "traceparent-alone" => is_ours,
                _ => |_| true,
            };
            rows.extend(one(sh, &default, plan, configuration, is_wanted)?);
        }
    }
    // All else stays as it is: what is gone then was the allocator's.
    if AT_ONCE.iter().any(|it| is_named(it)) {
        let mimalloc = build(sh, "mimalloc")?;
        for front_end in AT_ONCE.iter().filter(|it| is_named(it)) {
            rows.extend(one(sh, &mimalloc, &plan(front_end, &[]), "sampled", |_| true)?);
        }
    }
    if is_named("scaling") {
        rows.extend(scaling(sh, &default)?);
    }
    if !is_named("axum") {
        return Ok(Results(rows));
    }
    // The SDK is another one with the feature: only what uses it is measured again.
    let bound = build(sh, "bound")?;
    let axum = plan("axum", &[]);
    for configuration in ["sampled", "traceparent", "unsampled"] {
        rows.extend(one(sh, &bound, &axum, configuration, is_ours)?);
    }
    Ok(Results(rows))
}

fn is_ours(candidate: &str) -> bool {
    candidate.contains("logfire-rs")
}

/// The programs of one build.
struct Programs {
    build: &'static str,
    directory: String,
}

fn build(sh: &Shell, build: &'static str) -> Result<Programs> {
    let features = if build == "default" { "" } else { build };
    let _in_bench = sh.push_dir("bench");
    as_if_typed(cmd!(sh, "cargo build --release --bins --features={features}")).quiet().run()?;
    let json = cmd!(sh, "cargo metadata --format-version 1 --no-deps").quiet().read()?;
    let target = crate::metadata::parse(&json)?.target_directory;
    let directory = format!("{target}/measured/{build}");
    fs::create_dir_all(&directory)?;
    for program in ["allocations", "bench"] {
        fs::copy(format!("{target}/release/{program}"), format!("{directory}/{program}"))?;
    }
    Ok(Programs { build, directory })
}

fn one(
    sh: &Shell,
    programs: &Programs,
    plan: &Plan,
    configuration: &str,
    is_wanted: fn(&str) -> bool,
) -> Result<Vec<Row>> {
    let Plan { front_end, rounds, count, .. } = plan;
    let Programs { build, directory } = programs;
    println!("{front_end}, {configuration}, {build}");
    let [rounds, count] = [rounds, count].map(u32::to_string);
    let command = cmd!(sh, "{directory}/bench times {front_end} {configuration} {rounds} {count}");
    let times = table(&without_telemetry(command).quiet().read()?)?;
    let command = cmd!(sh, "{directory}/allocations {front_end} {configuration}");
    let allocations = table(&without_telemetry(command).quiet().read()?)?;
    let candidates: Vec<&str> = times.iter().map(|it| &*it.0).collect();
    let bare = candidates.first().ok_or("no candidate")?;
    let wanted: Vec<&str> =
        candidates.iter().copied().filter(|it| it == bare || is_wanted(it)).collect();
    // Another thread frees the spans: what it does would come and go.
    let counts = plan.counts_instructions && configuration != "batch";
    let instructions = if counts {
        instructions(sh, directory, front_end, configuration, &wanted)?
    } else {
        BTreeMap::new()
    };

    let of = |table: &[(String, Vec<f64>)], candidate: &str| {
        table.iter().find(|it| it.0 == candidate).map(|it| it.1.clone()).unwrap_or_default()
    };
    let bare_allocations = of(&allocations, bare);
    let row = |candidate: &str| -> Option<Row> {
        let [median, low, high, ..] = *of(&times, candidate) else { return None };
        let [count, bytes] = *of(&allocations, candidate) else { return None };
        let [bare_count, bare_bytes] = *bare_allocations else { return None };
        let over_bare = |counted: &f64| Some(counted - instructions.get(*bare)?);
        Some(Row {
            build: (*build).to_owned(),
            front_end: (*front_end).to_owned(),
            configuration: configuration.to_owned(),
            candidate: candidate.to_owned(),
            times: [median, low, high],
            allocations: count - bare_count,
            bytes: bytes - bare_bytes,
            instructions: instructions.get(candidate).and_then(over_bare),
        })
    };
    Ok(wanted.into_iter().filter_map(row).collect())
}

fn scaling(sh: &Shell, programs: &Programs) -> Result<Vec<Row>> {
    let directory = &programs.directory;
    println!("scaling");
    let command = cmd!(sh, "{directory}/bench scaling 50");
    let measured = table(&without_telemetry(command).quiet().read()?)?;
    let row = |(what, numbers): (String, Vec<f64>)| {
        let [median, low, high] = *numbers else { return None };
        Some(Row {
            build: programs.build.to_owned(),
            front_end: "scaling".to_owned(),
            configuration: "sampled".to_owned(),
            candidate: what,
            times: [median, low, high],
            allocations: 0.0,
            bytes: 0.0,
            instructions: None,
        })
    };
    Ok(measured.into_iter().filter_map(row).collect())
}

/// The instructions of one request of each candidate, counted by two at a time.
fn instructions(
    sh: &Shell,
    directory: &str,
    front_end: &str,
    configuration: &str,
    candidates: &[&str],
) -> Result<BTreeMap<String, f64>> {
    let count = COUNTED.to_string();
    let command = |candidate: &str| -> Command {
        let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let only = ["--collect-atstart=no", "--toggle-collect=*measured_requests*"];
        let measured = ["requests", front_end, configuration, candidate, &count];
        let command = cmd!(sh, "valgrind {tool...} {only...} {directory}/bench {measured...}");
        without_telemetry(command).into()
    };
    let waiting: Vec<_> = candidates.iter().map(|it| ((*it).to_owned(), command(it))).collect();
    let waiting = Mutex::new(waiting);
    let counted = Mutex::new(Vec::new());
    let locked = PoisonError::into_inner;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(locked).pop();
                    let Some((candidate, mut command)) = next else { return };
                    let output = command.output();
                    counted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((candidate, output));
                }
            });
        }
    });
    let counted = counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    let each = counted.into_iter().map(|(candidate, output)| {
        let said = String::from_utf8_lossy(&output?.stderr).into_owned();
        let collected = said.lines().find_map(|it| it.split_once("Collected : "));
        let collected = collected.ok_or(format!("valgrind counted nothing:\n{said}"))?;
        Ok((candidate, collected.1.trim().parse::<f64>()? / f64::from(COUNTED)))
    });
    each.collect()
}

/// Lines of a name and numbers, parted by tabs.
fn table(text: &str) -> Result<Vec<(String, Vec<f64>)>> {
    let line = |line: &str| -> Result<(String, Vec<f64>)> {
        let (name, numbers) = line.split_once('\t').ok_or(format!("no numbers in `{line}`"))?;
        let numbers = numbers.split('\t').map(str::parse).collect::<std::result::Result<_, _>>()?;
        Ok((name.to_owned(), numbers))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_programs_print_is_a_table() {
        assert_eq!(table("a b\t1\t2.5\n").unwrap(), [("a b".to_owned(), vec![1.0, 2.5])]);
        assert!(table("a b\n").is_err());
        assert!(table("a\tb\n").is_err());
    }
}
