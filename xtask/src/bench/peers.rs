//! `cargo xtask bench --peers`: what a request costs beside others, in one process.

use std::fmt::Write as _;

use xshell::Shell;

use super::{
    DOCUMENT, goals, machine, measure,
    results::{Results, Row},
};
use crate::{Result, document, flags};

/// What was measured last.
const RESULTS: &str = "bench/target/measured/results.tsv";

/// Whose versions matter.
const PACKAGES: &[&str] = &[
    "actix-web",
    "axum",
    "axum-otel",
    "axum-otel-metrics",
    "axum-tracing-opentelemetry",
    "fastrace-axum",
    "fastrace-reqwest",
    "hyper",
    "opentelemetry",
    "opentelemetry-instrumentation-actix-web",
    "opentelemetry-instrumentation-tower",
    "opentelemetry_sdk",
    "reqwest",
    "reqwest-middleware",
    "reqwest-tracing",
    "tower-http",
    "tower-http-opentelemetry",
    "tower-otel",
    "tracing-actix-web",
    "tracing-opentelemetry",
    "warp",
];

pub(super) fn run(sh: &Shell, flags: &flags::Bench) -> Result {
    if !flags.last {
        // Asked before it takes minutes to measure.
        let before = if flags.only.is_empty() { None } else { Some(last(sh)?.1) };
        let mut results = measure::all(sh, &flags.only)?;
        if let Some(before) = before {
            results = before.updated(results);
        }
        let where_measured = machine::describe(sh)?;
        sh.write_file(RESULTS, format!("{where_measured}\n{}", results.render()))?;
    }
    let (where_measured, results) = last(sh)?;
    let versions = machine::versions(&sh.read_file("bench/Cargo.lock")?, PACKAGES);

    let goals = goals::render(&results);
    document::write(sh, DOCUMENT, "cargo xtask bench --peers (goals)", &goals)?;
    let tables = tables(&results);
    let text = format!("{where_measured}\n{versions}\n{tables}");
    document::write(sh, DOCUMENT, "cargo xtask bench --peers", &text)?;
    println!("{goals}");
    Ok(())
}

/// Where the last results are from, and they themselves.
fn last(sh: &Shell) -> Result<(String, Results)> {
    const NOTHING: &str = "nothing was measured here yet: run `cargo xtask bench --peers` without `--only` and `--last`";
    let text = sh.read_file(RESULTS).map_err(|_| NOTHING)?;
    let (where_measured, results) = text.split_once('\n').ok_or(NOTHING)?;
    Ok((where_measured.to_owned(), Results::parse(results)?))
}

/// One section.
struct Section {
    front_end: &'static str,
    title: &'static str,
}

const SECTIONS: &[Section] = &[
    Section { front_end: "axum", title: "axum, as `axum::serve` serves it" },
    Section { front_end: "axum-direct", title: "axum, a router that is called without its state" },
    Section { front_end: "axum-fastrace", title: "axum, beside fastrace" },
    Section { front_end: "axum-endpoint", title: "axum, `#[endpoint]` (over the same without it)" },
    Section { front_end: "tower", title: "tower" },
    Section { front_end: "hyper", title: "hyper" },
    Section { front_end: "actix-web", title: "actix-web" },
    Section { front_end: "warp", title: "warp" },
    Section { front_end: "client-stub", title: "reqwest-middleware, nothing is sent" },
    Section { front_end: "client-tower", title: "A tower client, nothing is sent" },
    Section { front_end: "client-loopback", title: "reqwest over loopback" },
];

fn tables(results: &Results) -> String {
    let mut text = String::new();
    for Section { front_end, title } in SECTIONS {
        let default = rows(results, "default", front_end);
        if default.is_empty() {
            continue;
        }
        let _ = write!(text, "\n### {title}\n\n{}", table(&default));
        let bound = rows(results, "bound", front_end);
        if !bound.is_empty() {
            let table = table(&bound);
            let _ = write!(text, "\nWith the feature `bound-instruments`:\n\n{table}");
        }
    }
    text.push_str("\n### Routes, and requests at once\n\n");
    text.push_str(
        "| axum, trace and metrics | + ns [quartiles] | + allocations | + instructions |\n",
    );
    text.push_str("| --- | --- | --- | --- |\n");
    for (build, front_end, what) in [
        ("default", "axum-routes-1", "1 route"),
        ("default", "axum-routes-10", "10 routes, asked in turn"),
        ("default", "axum-routes-1000", "1,000 routes, asked in turn"),
        ("default", "axum-at-once-1", "1 request at once"),
        ("default", "axum-at-once-16", "16 requests at once, in one thread"),
        ("mimalloc", "axum-at-once-1", "1 request at once, with the allocator mimalloc"),
        ("mimalloc", "axum-at-once-16", "16 requests at once, with the allocator mimalloc"),
    ] {
        for row in rows(results, build, front_end).into_iter().skip(1) {
            let allocations = rounded(row.allocations);
            let instructions = instructions(row);
            let _ = writeln!(text, "| {what} | {} | {allocations} | {instructions} |", times(row));
        }
    }
    text.push_str(
        "\n| axum, trace and metrics | + ns of a processor for each request [quartiles] |\n| --- | --- |\n",
    );
    for row in rows(results, "default", "scaling") {
        let _ = writeln!(text, "| {} | {} |", row.candidate, times(row));
    }
    text
}

fn rows<'a>(results: &'a Results, build: &str, front_end: &str) -> Vec<&'a Row> {
    results.0.iter().filter(|it| it.build == build && it.front_end == front_end).collect()
}

/// A line for each candidate: the first configuration in full, the others in short.
fn table(rows: &[&Row]) -> String {
    let mut configurations: Vec<&str> = Vec::new();
    let mut candidates: Vec<&str> = Vec::new();
    for row in rows {
        if !configurations.contains(&&*row.configuration) {
            configurations.push(&row.configuration);
        }
        if !candidates.contains(&&*row.candidate) {
            candidates.push(&row.candidate);
        }
    }
    let (first, others) = configurations.split_first().unwrap_or((&"", &[]));
    let mut text = format!(
        "| over the first line | {first}: + ns [quartiles] | + allocations | + bytes | + instructions |"
    );
    for configuration in others {
        let _ = write!(text, " {configuration}: + ns / allocations / instructions |");
    }
    let _ = writeln!(text, "\n|{}", " --- |".repeat(5 + others.len()));
    for candidate in candidates {
        let of = |configuration: &str| {
            rows.iter().find(|it| it.candidate == candidate && it.configuration == configuration)
        };
        let _ = write!(text, "| {candidate} |");
        match of(first) {
            Some(row) => {
                let allocations = rounded(row.allocations);
                let bytes = rounded(row.bytes);
                let _ = write!(
                    text,
                    " {} | {allocations} | {bytes} | {} |",
                    times(row),
                    instructions(row)
                );
            }
            None => text.push_str(" | | | |"),
        }
        for configuration in others {
            let cell = of(configuration).map_or(String::new(), |row| {
                let [median, ..] = row.times.map(rounded);
                format!("{median} / {} / {}", rounded(row.allocations), instructions(row))
            });
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

fn times(row: &Row) -> String {
    let [median, low, high] = row.times.map(rounded);
    format!("{median} [{low} … {high}]")
}

fn instructions(row: &Row) -> String {
    row.instructions.map_or("–".to_owned(), rounded)
}

/// A whole number, in groups of three digits.
pub(super) fn rounded(value: f64) -> String {
    let digits = format!("{:.0}", value.abs().round());
    let groups: Vec<&str> = {
        let head = digits.len() % 3;
        let (first, rest) = digits.split_at(head);
        let rest = rest.as_bytes().chunks(3).filter_map(|it| std::str::from_utf8(it).ok());
        Some(first).filter(|it| !it.is_empty()).into_iter().chain(rest).collect()
    };
    let sign = if value.round() < 0.0 { "-" } else { "" };
    format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::{super::results::testing::row, *};

    #[test]
    fn a_line_for_each_candidate() {
        let rows = [
            row(["default", "axum", "sampled", "bare"], 0.0),
            row(["default", "axum", "sampled", "ours"], 8_000.0),
            row(["default", "axum", "query", "ours"], 12_345.0),
        ];
        let text = table(&rows.iter().collect::<Vec<_>>());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("| query: + ns / allocations / instructions |"), "{text}");
        assert_eq!(lines[2], "| bare | 0 [-1 … 1] | 0 | 64 | 0 |  |");
        assert_eq!(lines[3], "| ours | 800 [799 … 801] | 8 | 64 | 8,000 | 1,235 / 12 / 12,345 |");
    }

    #[test]
    fn numbers_have_groups() {
        assert_eq!(
            [0.4, -0.4, 12.0, 999.6, 12_345.0, -1_234_567.0].map(rounded),
            ["0", "0", "12", "1,000", "12,345", "-1,234,567"]
        );
    }
}
