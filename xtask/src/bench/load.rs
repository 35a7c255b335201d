//! `cargo xtask bench --load`: a service under load, bare and with its telemetry exported to a real collector.
//!
//! Everything is on one machine and on loopback: ratios of one run say something, its figures do not.

mod relay;
mod service;
mod wrk;

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use relay::Relay;
use service::{Kind, Service};
use wrk::Load;
use xshell::Shell;

use super::{DOCUMENT, machine};
use crate::{
    Result, document,
    e2e::collector::{Collector, Keep},
    metadata,
};

/// Each of the two services is asked so often, one after the other.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
/// How long the slow collector keeps each answer back.
const DELAY: Duration = Duration::from_secs(2);
/// So often the memory is looked at.
const SAMPLES: usize = 20;
/// What memory grows by at most if it is flat: pages come and go.
const FLAT: f64 = 1.05;

/// How the collector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Slow,
    Down,
}

/// What was measured with a collector in one state.
struct Outcome {
    state: State,
    /// Shares of what the bare service has, in the same round: requests, and the times of half and of nearly all.
    throughput: Vec<f64>,
    median: Vec<f64>,
    slowest: Vec<f64>,
    memory: Memory,
}

/// Resident memory under load, in kibibytes.
struct Memory {
    before: u64,
    samples: Vec<u64>,
    recorded: u64,
    delivered: u64,
}

pub(super) fn run(sh: &Shell, minutes: Option<u32>) -> Result {
    let minutes = minutes.unwrap_or(1);
    wrk::find(sh)?;
    let program = service::build(sh)?;
    let directory = format!("{}/e2e", metadata::read(sh)?.target_directory);
    let collector = Collector::start(sh, &directory, Keep::Nothing)?;
    let mut outcomes = Vec::new();
    for state in [State::Up, State::Slow, State::Down] {
        println!("the collector is {}", word(state));
        let relay;
        let endpoint = match state {
            State::Up => format!("http://{}", collector.address()),
            State::Slow => {
                relay = Relay::start(collector.address(), DELAY)?;
                format!("http://{}", relay.address())
            }
            State::Down => format!("http://{}", nobody()?),
        };
        outcomes.push(measure(sh, &program, &endpoint, state, minutes)?);
    }
    let table = render(&outcomes, minutes);
    println!("{table}");
    let text = format!("{}\n\n{table}", machine::describe(sh)?);
    document::write(sh, DOCUMENT, "cargo xtask bench --load", &text)
}

fn measure(
    sh: &Shell,
    program: &str,
    endpoint: &str,
    state: State,
    minutes: u32,
) -> Result<Outcome> {
    let bare = Service::start(sh, program, Kind::Bare)?;
    let instrumented = Service::start(sh, program, Kind::Instrumented { endpoint })?;
    for service in [&bare, &instrumented] {
        wrk::run(sh, service.address(), Duration::from_secs(2))?;
    }
    let mut rounds: Vec<[Load; 2]> = Vec::new();
    for _ in 0..ROUNDS {
        let bare = wrk::run(sh, bare.address(), ROUND)?;
        rounds.push([bare, wrk::run(sh, instrumented.address(), ROUND)?]);
    }
    drop((bare, instrumented));

    let shares = |of: fn(&Load) -> f64| rounds.iter().map(|[bare, it]| of(it) / of(bare)).collect();
    Ok(Outcome {
        state,
        throughput: shares(|it| it.per_second),
        median: shares(|it| it.median),
        slowest: shares(|it| it.slowest),
        memory: memory(sh, program, endpoint, minutes)?,
    })
}

fn memory(sh: &Shell, program: &str, endpoint: &str, minutes: u32) -> Result<Memory> {
    let service = Service::start(sh, program, Kind::Instrumented { endpoint })?;
    let before = service.resident()?;
    let mut samples = Vec::new();
    // Short runs: between them the memory is looked at.
    let part = Duration::from_secs(u64::from(minutes) * 60) / SAMPLES as u32;
    for _ in 0..SAMPLES {
        wrk::run(sh, service.address(), part)?;
        samples.push(service.resident()?);
    }
    let (recorded, delivered) = service.interrupt(sh)?;
    Ok(Memory { before, samples, recorded, delivered })
}

impl Memory {
    /// How many times as much there is in the last quarter as in the second: by then all buffers
    /// are full.
    fn growth(&self) -> f64 {
        let quarter = self.samples.len() / 4;
        let most = |from: usize| self.samples.iter().skip(from).take(quarter).max().copied();
        let most = |from: usize| most(from).map_or(f64::NAN, |it| it as f64);
        most(self.samples.len() - quarter) / most(quarter)
    }

    fn verdict(&self) -> String {
        match self.growth() {
            growth if growth <= FLAT => format!("yes: {growth:.2} ×"),
            growth => format!("**no**: {growth:.2} ×"),
        }
    }
}

fn render(outcomes: &[Outcome], minutes: u32) -> String {
    let mut text =
        "| collector | requests per second, × bare | median, × bare | 99th percentile, × bare |\n\
         | --- | --- | --- | --- |\n"
            .to_owned();
    for Outcome { state, throughput, median, slowest, .. } in outcomes {
        let [throughput, median, slowest] = [throughput, median, slowest].map(|it| spread(it));
        let _ = writeln!(text, "| {} | {throughput} | {median} | {slowest} |", word(*state));
    }
    let _ = write!(
        text,
        "\nResident memory of the instrumented service, in MiB, at full load for {minutes} min:\n\n\
         | collector | before | after 5 % | after 50 % | at the end | flat: last quarter over second, ≤ {FLAT} × | spans recorded | delivered |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for Outcome { state, memory, .. } in outcomes {
        let Memory { before, samples, recorded, delivered } = memory;
        let mebibytes = |it: Option<&u64>| it.map_or(f64::NAN, |it| *it as f64 / 1024.0);
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {recorded} | {delivered} |",
            word(*state),
            mebibytes(Some(before)),
            mebibytes(samples.first()),
            mebibytes(samples.get(samples.len() / 2)),
            mebibytes(samples.last()),
            memory.verdict(),
        );
    }
    text
}

fn word(state: State) -> &'static str {
    match state {
        State::Up => "up",
        State::Slow => "slow: each answer takes 2 s more",
        State::Down => "down",
    }
}

/// The median, with the smallest and the largest.
fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    format!(
        "{:.2} [{:.2} … {:.2}]",
        at(sorted.len() / 2),
        at(0),
        at(sorted.len().saturating_sub(1))
    )
}

/// An address where nobody listens.
fn nobody() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_state() {
        let memory = Memory {
            before: 1024,
            samples: vec![2048, 3072, 3072, 3174],
            recorded: 9,
            delivered: 8,
        };
        let outcome = Outcome {
            state: State::Up,
            throughput: vec![0.9, 0.8, 0.7],
            median: vec![1.1],
            slowest: vec![],
            memory,
        };
        let text = render(&[outcome], 10);
        assert!(
            text.contains("| up | 0.80 [0.70 … 0.90] | 1.10 [1.10 … 1.10] | NaN [NaN … NaN] |\n"),
            "{text}"
        );
        assert!(text.contains("at full load for 10 min"), "{text}");
        assert!(text.contains("| up | 1.0 | 2.0 | 3.0 | 3.1 | yes: 1.03 × | 9 | 8 |\n"), "{text}");
    }

    #[test]
    fn memory_that_grows_is_not_flat() {
        let memory = |samples| Memory { before: 0, samples, recorded: 0, delivered: 0 };
        // What fills at the start is no growth.
        assert_eq!(memory(vec![10, 50, 100, 100, 100, 100, 105, 104]).verdict(), "yes: 1.05 ×");
        assert_eq!(memory((10..30).collect()).verdict(), "**no**: 1.53 ×");
        assert_eq!(memory(vec![]).verdict(), "**no**: NaN ×");
    }
}
