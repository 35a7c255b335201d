//! The console: each request on stderr, while it happens.

mod layout;
mod log;
mod options;
mod processor;
mod render;
mod sink;
mod wording;

pub use options::{Colors, ConsoleOptions, SpanStyle};
pub(crate) use processor::{Console, ConsoleProcessor};
