//! `cargo xtask bench` alone: what one request costs in allocations and instructions, against a budget.
//!
//! Both are repeatable: instructions are counted by callgrind, and times are not looked at. What malloc
//! takes is left out: how blocks come to lie in memory makes a difference of hundreds of instructions
//! from one build to the next, and how many there are is counted by itself.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use xshell::{Shell, cmd};

use crate::{Result, environment::as_if_typed, flags, metadata};

const BUDGET: &str = "crates/logfire-rs-budget/budget.txt";

/// How much more than the budget a build may take: another compiler lays code out otherwise.
const TOLERANCE: f64 = 1.05;
/// The same, of what takes next to nothing.
const LEAST: f64 = 50.0;

/// The functions of glibc that allocate.
const MALLOC: [&str; 11] = [
    "_int_free",
    "_int_malloc",
    "_int_realloc",
    "calloc",
    "free",
    "malloc",
    "malloc_consolidate",
    "realloc",
    "sysmalloc",
    "systrim.constprop.0",
    "unlink_chunk.constprop.0",
];

/// What one request costs over the same service without instrumentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    allocations: i64,
    instructions: i64,
}

/// The builds that are measured, by their features.
const BUILDS: [&str; 2] = ["default", "bound"];

pub(crate) fn run(sh: &Shell, flags: &flags::Bench) -> Result {
    let mut costs = BTreeMap::new();
    for features in BUILDS {
        let build =
            cmd!(sh, "cargo build --profile budget -p logfire-rs-budget --features {features}");
        as_if_typed(build).quiet().run()?;
        costs.extend(measure(sh)?);
    }
    let path = sh.current_dir().join(BUDGET);
    print!("{}", render(&costs));
    if !flags.check {
        fs::write(path, render(&costs))?;
        return Ok(());
    }
    let exceeded = exceeded(&parse(&fs::read_to_string(path)?), &costs);
    if exceeded.is_empty() {
        return Ok(());
    }
    Err(format!("more than {BUDGET} allows:\n{}", exceeded.join("\n")).into())
}

fn measure(sh: &Shell) -> Result<BTreeMap<String, Cost>> {
    let programs = format!("{}/budget", metadata::read(sh)?.target_directory);
    let allocations = cmd!(sh, "{programs}/allocations").quiet().read()?;
    let mut costs = BTreeMap::new();
    for line in allocations.lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(count)) = (words.next(), words.next()) else { continue };
        let bare = format!("bare:{name}");
        let instructions = instructions(sh, &programs, name)? - instructions(sh, &programs, &bare)?;
        let cost = Cost { allocations: count.parse()?, instructions };
        costs.insert(name.to_owned(), cost);
    }
    Ok(costs)
}

/// The instructions of one request, without those of the start.
fn instructions(sh: &Shell, programs: &str, name: &str) -> Result<i64> {
    let total = |count: &str| -> Result<i64> {
        let profile = format!("{programs}/callgrind.out");
        let tool = ["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"];
        let output = format!("--callgrind-out-file={profile}");
        cmd!(sh, "valgrind {tool...} {output} {programs}/requests {name} {count}")
            .quiet()
            .ignore_stderr()
            .run()?;
        without_malloc(&sh.read_file(profile)?)
    };
    Ok((total("1500")? - total("500")?) / 1000)
}

/// The sum over all functions in what callgrind writes, but for those of [`MALLOC`].
///
/// An error where all of them do not make up the total that callgrind tells: it was read wrongly.
fn without_malloc(profile: &str) -> Result<i64> {
    let (mut function, mut is_call, mut sum, mut all, mut total) = ("", false, 0, 0, 0);
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name.split('\'').next().unwrap_or(name);
        } else if line.starts_with("calls=") {
            // The next line is what the called function takes, which has lines of its own.
            is_call = true;
        } else if line.starts_with(|it: char| it.is_ascii_digit()) {
            let cost = line.split(' ').nth(1).and_then(|it| it.parse::<i64>().ok());
            let own = if std::mem::take(&mut is_call) { 0 } else { cost.unwrap_or_default() };
            all += own;
            sum += if MALLOC.contains(&function) { 0 } else { own };
        } else if let Some(told) = line.strip_prefix("totals: ") {
            total = told.split(' ').next().unwrap_or(told).parse()?;
        }
    }
    if total == 0 || all != total {
        return Err(
            format!("of {total} instructions that callgrind tells, {all} were found").into()
        );
    }
    Ok(sum)
}

fn render(costs: &BTreeMap<String, Cost>) -> String {
    let mut text =
        "# configuration, allocations, instructions: of one request, over a bare service\n"
            .to_owned();
    for (name, cost) in costs {
        let _ = writeln!(text, "{name} {} {}", cost.allocations, cost.instructions);
    }
    text
}

fn parse(text: &str) -> BTreeMap<String, Cost> {
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    let parsed = lines.filter_map(|line| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let allocations = words.next()?.parse().ok()?;
        let instructions = words.next()?.parse().ok()?;
        Some((name, Cost { allocations, instructions }))
    });
    parsed.collect()
}

fn exceeded(budget: &BTreeMap<String, Cost>, costs: &BTreeMap<String, Cost>) -> Vec<String> {
    let unknown = budget.keys().filter(|it| !costs.contains_key(*it));
    let unknown = unknown.map(|name| format!("{name} was not measured; run `cargo xtask bench`"));
    let too_much = costs.iter().filter_map(|(name, cost)| {
        let Some(allowed) = budget.get(name) else {
            return Some(format!("{name} has no budget; run `cargo xtask bench`"));
        };
        let budget = allowed.instructions as f64;
        let instructions = (budget * TOLERANCE).max(budget + LEAST) as i64;
        let fits = cost.allocations <= allowed.allocations && cost.instructions <= instructions;
        (!fits).then(|| format!("{name}: {cost:?}, allowed: {allowed:?}"))
    });
    too_much.chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_is_not_counted_and_nothing_is_twice() {
        let profile = "version: 1\nevents: Ir\nfn=main\n16 100\ncfn=malloc\ncalls=2 7\n16 70\n17 5\n\n\
            fn=malloc\n7 40\ncfn=_int_malloc\ncalls=1 9\n7 30\n\nfn=_int_malloc'2\n9 30\n\nfn=mallocate\n1 2\n\
            totals: 177\n";
        assert_eq!(without_malloc(profile).unwrap(), 107);
        // Whatever is read otherwise than it was meant shows in the total.
        for (from, to) in [
            ("fn=main\n16 100", "fn=main\n0x16 16 100"),
            ("16 100", "+16 100"),
            ("calls=2 7\n", ""),
            ("totals: 177\n", ""),
            ("177", "178"),
            (profile, ""),
        ] {
            assert!(without_malloc(&profile.replacen(from, to, 1)).is_err(), "{from}");
        }
        assert_eq!(without_malloc(&profile.replace('\n', "\r\n")).unwrap(), 107);
        let jumps = "fn=main\n16 100\njump=3 17\n16\njcnd=2/3 18\n17\nfi=inlined.rs\n3 20\nfe=main.rs\n\
            18 1\n\ntotals: 121\n";
        assert_eq!(without_malloc(jumps).unwrap(), 121);
    }

    #[test]
    fn a_budget_is_kept_or_exceeded() {
        let budget = parse("# comment\na 10 10000\nb 1 100\n");
        assert_eq!(parse(&render(&budget)), budget);
        assert!(exceeded(&budget, &parse("a 10 10400\nb 0 140\n")).is_empty());
        assert_eq!(exceeded(&budget, &parse("a 11 10000\nb 1 100\n")).len(), 1);
        assert_eq!(exceeded(&budget, &parse("a 10 11000\nb 1 160\n")).len(), 2);
        // What has no budget, and what is no longer measured.
        assert_eq!(exceeded(&budget, &parse("a 10 10000\nb 1 100\nc 0 0\n")).len(), 1);
        assert_eq!(exceeded(&budget, &parse("a 10 10000\n")).len(), 1);
        assert_eq!(exceeded(&budget, &parse("")).len(), 2);
    }
}
