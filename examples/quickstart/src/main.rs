//! Two instrumented services in one process.

fn main() {}
