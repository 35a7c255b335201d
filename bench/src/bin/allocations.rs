//! `allocations FRONT_END CONFIGURATION` prints, parted by tabs, what one request allocates in the thread
//! that handles it: candidate, allocations, bytes. A reallocation is an allocation.
//!
//! A program of its own: counting allocations costs time and instructions.

#![expect(clippy::print_stdout, reason = "it prints")]

use std::env;
use std::error::Error;

use logfire_rs_bench::{front_ends, telemetry, telemetry_0_32};

const COUNT: u32 = 320;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let front_end = arguments.next().ok_or("the first argument is a front end")?;
    let configuration = arguments.next().ok_or("the second argument is a configuration")?;
    let configuration = configuration.parse()?;
    telemetry::install(configuration);
    telemetry_0_32::install(configuration);

    let found = front_ends().into_iter().find(|it| it.name == front_end);
    for candidate in found.ok_or("there is no such front end")?.candidates {
        let mut service = candidate.start(configuration);
        let info = service.within(|drive| allocation_counter::measure(|| drive(COUNT)));
        let each = |total: u64| total as f64 / f64::from(COUNT);
        println!(
            "{}\t{:.2}\t{:.1}",
            candidate.name,
            each(info.count_total),
            each(info.bytes_total)
        );
        // Another candidate may hold on to what this one has installed.
        std::mem::forget(service);
    }
    Ok(())
}
