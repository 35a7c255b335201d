//! `cargo xtask bench`: what a request costs, alone, beside others, and under load; and what it costs to compile.

mod budget;
mod compile;
mod goals;
mod load;
mod machine;
mod measure;
mod peers;
mod results;

use xshell::Shell;

use crate::{Result, flags};

/// Where the tables are.
const DOCUMENT: &str = "docs/performance.md";

pub(crate) fn run(sh: &Shell, flags: &flags::Bench) -> Result {
    if flags.peers || flags.last {
        return peers::run(sh, flags);
    }
    if flags.load {
        return load::run(sh, flags.minutes);
    }
    if flags.compile {
        return compile::run(sh);
    }
    budget::run(sh, flags)
}
