//! Handles requests and does nothing else, for a tool that counts instructions:
//! `requests CONFIGURATION COUNT`, or `requests bare:CONFIGURATION COUNT` for the same service without
//! instrumentation. Without arguments it prints the configurations.
//!
//! A program of its own: counting allocations costs instructions.

#![expect(clippy::print_stdout, reason = "it prints")]

use logfire_rs_budget::CONFIGURATIONS;

fn main() -> Result<(), &'static str> {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        CONFIGURATIONS.iter().for_each(|it| println!("{}", it.name));
        return Ok(());
    };
    let count = arguments.next().and_then(|it| it.parse::<u32>().ok());
    let count = count.ok_or("the second argument is a number of requests")?;
    let (name, is_bare) = match name.strip_prefix("bare:") {
        Some(name) => (name, true),
        None => (&*name, false),
    };
    let configuration = CONFIGURATIONS.iter().find(|it| it.name == name);
    let configuration = configuration.ok_or("the first argument is the name of a configuration")?;
    let mut service = if is_bare { (configuration.bare)() } else { (configuration.build)() };
    (0..count).for_each(|_| service());
    Ok(())
}
