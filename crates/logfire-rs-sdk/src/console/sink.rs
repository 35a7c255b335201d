//! Where the console writes: stderr or the user's writer, with or without colors.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice, StripStream};

use super::Colors;

/// Takes text with ANSI colors and strips them where they are not wanted.
pub(crate) fn sink(writer: Option<Box<dyn Write + Send>>, colors: Colors) -> Box<dyn Write + Send> {
    match (writer, colors) {
        (Some(writer), Colors::Always) => writer,
        (Some(writer), Colors::Auto | Colors::Never) => Box::new(StripStream::new(writer)),
        (None, colors) => {
            let choice = match colors {
                Colors::Auto => ColorChoice::Auto,
                Colors::Always => ColorChoice::Always,
                Colors::Never => ColorChoice::Never,
            };
            Box::new(AutoStream::new(io::stderr(), choice))
        }
    }
}
