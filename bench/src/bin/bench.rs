//! Measures, and prints lines of words that are parted by tabs:
//!
//! - `bench list`: front end, candidate
//! - `bench times FRONT_END CONFIGURATION ROUNDS COUNT`: candidate, nanoseconds over the bare service
//!   as median and quartiles of all rounds, nanoseconds in the best round
//! - `bench scaling ROUNDS`: what, nanoseconds over the bare service as median and quartiles
//! - `bench requests FRONT_END CONFIGURATION CANDIDATE COUNT`: answers requests inside of
//!   `measured_requests`, for a tool that counts instructions; prints nothing
//!
//! A process has one configuration: the providers are global.

#![expect(clippy::print_stdout, reason = "it prints")]

use std::env;
use std::error::Error;
use std::time::Instant;

use logfire_rs_bench::configuration::Configuration;
use logfire_rs_bench::statistics::{over, quantile};
use logfire_rs_bench::{Candidate, Drive, front_ends, scaling, telemetry, telemetry_0_32};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["list"] => list(),
        ["times", front_end, configuration, rounds, count] => {
            let configuration = install(configuration)?;
            times(&find(front_end)?, configuration, rounds.parse()?, count.parse()?);
        }
        ["scaling", rounds] => {
            install("sampled")?;
            for row in scaling::rows(rounds.parse()?) {
                println!("{}\t{}", row.what, row.over.map(|it| format!("{it:.0}")).join("\t"));
            }
        }
        ["requests", front_end, configuration, candidate, count] => {
            let configuration = install(configuration)?;
            let candidates = find(front_end)?;
            let found = candidates.iter().find(|it| it.name == candidate);
            let mut service = found.ok_or("there is no such candidate")?.start(configuration);
            let count = count.parse()?;
            service.within(|drive| measured_requests(drive, count));
            // Nothing is exported any more, which takes its time under such a tool.
            std::process::exit(0);
        }
        _ => return Err("the arguments are those that the source of this program tells".into()),
    }
    Ok(())
}

fn install(configuration: &str) -> Result<Configuration> {
    let configuration = configuration.parse()?;
    telemetry::install(configuration);
    telemetry_0_32::install(configuration);
    Ok(configuration)
}

fn find(name: &str) -> Result<Vec<Candidate>> {
    let found = front_ends().into_iter().find(|it| it.name == name);
    Ok(found.ok_or("there is no such front end")?.candidates)
}

fn list() {
    for front_end in front_ends() {
        front_end.candidates.iter().for_each(|it| println!("{}\t{}", front_end.name, it.name));
    }
}

fn times(candidates: &[Candidate], configuration: Configuration, rounds: u32, count: u32) {
    let mut services: Vec<_> = candidates.iter().map(|it| it.start(configuration)).collect();
    let mut times = vec![Vec::new(); services.len()];
    // One after the other in each round: what disturbs the machine disturbs all of them.
    for _ in 0..rounds {
        for (service, times) in services.iter_mut().zip(&mut times) {
            times.push(service.within(|drive| {
                drive(count / 20 + 1);
                let started = Instant::now();
                measured_requests(drive, count);
                started.elapsed().as_nanos() as f64 / f64::from(count)
            }));
        }
    }
    for (candidate, values) in candidates.iter().zip(&times) {
        let [median, low, high] = over(values, &times[0]);
        let best = quantile(values, 0.0);
        println!("{}\t{median:.0}\t{low:.0}\t{high:.0}\t{best:.0}", candidate.name);
    }
}

/// What is measured, and nothing else: a tool finds it by its name.
#[inline(never)]
fn measured_requests(drive: &mut Drive, count: u32) {
    drive(count);
}
