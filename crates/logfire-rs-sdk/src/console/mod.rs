//! The console: each request on stderr, while it happens.

mod layout;
mod log;
mod options;
mod processor;
mod render;
mod sink;
mod wording;

#[cfg(feature = "testing")]
pub(crate) use log::shown;
pub use options::{Colors, ConsoleOptions, SpanStyle};
pub(crate) use processor::{Console, ConsoleProcessor};
