//! Where the console writes: stderr or the user's writer, with or without colors.

use std::{
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use anstream::{AutoStream, ColorChoice, adapter::strip_str};

use super::Colors;

/// Takes text with ANSI colors and strips them where they are not wanted.
pub(crate) struct Sink {
    writer: Box<dyn Write + Send>,
    colors: bool,
}

impl Sink {
    pub(crate) fn new(writer: Option<Box<dyn Write + Send>>, colors: Colors) -> Self {
        let Some(writer) = writer else {
            let choice = match colors {
                Colors::Auto => AutoStream::choice(&io::stderr()),
                Colors::Always => ColorChoice::Always,
                Colors::Never => ColorChoice::Never,
            };
            let colors = choice != ColorChoice::Never;
            return match colors {
                true => Self { writer: Box::new(AutoStream::new(io::stderr(), choice)), colors },
                false => Self { writer: Box::new(io::stderr()), colors },
            };
        };
        Self { writer, colors: colors == Colors::Always }
    }

    /// All of it at once: what else writes to a terminal or pipe would come between the parts of a line.
    /// A writer of the user that panics misses the line.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        let plain = (!self.colors).then(|| strip_str(text).to_string());
        let text = plain.as_deref().unwrap_or(text);
        caught(|| self.writer.write_all(text.as_bytes()))
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        caught(|| self.writer.flush())
    }
}

fn caught(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let panicked = |_| Err(io::Error::other("the writer panicked"));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}
