//! Prints the allocations of one request in each configuration, over those of the same service without
//! instrumentation: name, count, bytes.

#![expect(clippy::print_stdout, reason = "it prints")]

use logfire_rs_budget::CONFIGURATIONS;

fn main() {
    for configuration in CONFIGURATIONS {
        let (count, bytes) = cost(configuration.build);
        let (bare_count, bare_bytes) = cost(configuration.bare);
        println!("{} {} {}", configuration.name, count - bare_count, bytes - bare_bytes);
    }
}

/// Allocations and bytes of one request, when everything that happens once has happened.
fn cost(build: fn() -> Box<dyn FnMut()>) -> (i64, i64) {
    let mut service = build();
    (0..100).for_each(|_| service());
    let info = allocation_counter::measure(&mut service);
    let signed = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    (signed(info.count_total), signed(info.bytes_total))
}
