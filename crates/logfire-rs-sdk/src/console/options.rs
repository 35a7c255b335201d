//! What the console shows, and where.

use std::{fmt, io::Write};

use jiff::tz::TimeZone;

use super::layout::Layout;
use crate::{Level, environment::Environment};

/// What the console shows, and where: each request when it starts, and its status and duration when it ends.
///
/// On by default, on stderr, with local time and with colors if stderr is a terminal.
///
/// ```text
/// 14:03:22.101 GET /hello/bob ? q='3'
/// 14:03:22.102   GET 127.0.0.1/greeting
/// 14:03:22.103     GET /greeting
/// 14:03:22.103     └ 200 in 0.4 ms
/// 14:03:22.104   └ 200 in 2.1 ms
/// 14:03:22.105 └ 200 in 3.9 ms
/// ```
///
/// A line whose parent is not the one above it is preceded by its parents, dim and without a time; the end of such a
/// request repeats its message. What is shown comes from the spans' attributes, where URLs are masked already.
///
/// ```
/// use std::sync::mpsc;
/// use logfire_rs_sdk::{ConsoleOptions, configure, opentelemetry::trace::{Tracer, TracerProvider}};
///
/// # struct Sender(mpsc::Sender<u8>);
/// # impl std::io::Write for Sender {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
/// #         bytes.iter().for_each(|byte| self.0.send(*byte).unwrap());
/// #         Ok(bytes.len())
/// #     }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// # let (sender, written) = mpsc::channel();
/// # let writer = Sender(sender);
/// let options = ConsoleOptions::default().timestamps(false).writer(writer);
/// let logfire = configure().local().env_lookup(|_| None).console(options).finish()?;
/// logfire.tracer_provider().tracer("doc").start("tidy up");
/// logfire.shutdown().unwrap();
/// # let written = String::from_utf8(written.try_iter().collect()).unwrap();
/// assert!(written.starts_with("tidy up\n└ "));
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Default)]
pub struct ConsoleOptions {
    enabled: Option<bool>,
    colors: Option<Colors>,
    timestamps: Option<bool>,
    span_style: Option<SpanStyle>,
    min_level: Option<Level>,
    verbose: Option<bool>,
    tags: Option<bool>,
    writer: Option<Box<dyn Write + Send>>,
}

/// Whether the console uses colors.
///
/// ```
/// use logfire_rs_sdk::{Colors, ConsoleOptions};
///
/// let options = ConsoleOptions::default().colors(Colors::Never);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colors {
    /// On a terminal, unless `NO_COLOR` is set, and elsewhere if `FORCE_COLOR` is; see `CLICOLOR` and `CLICOLOR_FORCE`
    /// of [anstream].
    ///
    /// [anstream]: https://docs.rs/anstream
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How the console shows which span a line belongs to.
///
/// ```
/// use logfire_rs_sdk::{ConsoleOptions, SpanStyle};
///
/// let options = ConsoleOptions::default().span_style(SpanStyle::Indented);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStyle {
    /// It does not: each line begins at the left.
    Simple,
    /// Two blanks for each span around it.
    Indented,
    /// As [`SpanStyle::Indented`], and the spans around it once more if they are not those of the line above.
    #[default]
    ShowParents,
}

impl ConsoleOptions {
    /// How spans are shown. [`SpanStyle::ShowParents`] by default.
    /// Environment: `LOGFIRE_CONSOLE_SPAN_STYLE` (`simple`, `indented`, `show-parents`).
    ///
    /// ```
    /// # use logfire_rs_sdk::{ConsoleOptions, SpanStyle};
    /// let options = ConsoleOptions::default().span_style(SpanStyle::Simple);
    /// ```
    #[must_use]
    pub fn span_style(mut self, style: SpanStyle) -> Self {
        self.span_style = Some(style);
        self
    }

    /// Hides what is less important. Nothing by default: `RUST_LOG` has filtered already. A request has no level before
    /// it ends, and counts as [`Level::Info`]; one that fails is shown at its end.
    /// Environment: `LOGFIRE_CONSOLE_MIN_LOG_LEVEL`.
    ///
    /// ```
    /// # use logfire_rs_sdk::{ConsoleOptions, Level};
    /// let options = ConsoleOptions::default().min_level(Level::Warn);
    /// ```
    #[must_use]
    pub fn min_level(mut self, level: Level) -> Self {
        self.min_level = Some(level);
        self
    }

    /// Whether attributes are shown, one a line; of spans of `tracing` they say where the code is. No by default.
    /// Environment: `LOGFIRE_CONSOLE_VERBOSE`.
    ///
    /// ```
    /// # use logfire_rs_sdk::ConsoleOptions;
    /// let options = ConsoleOptions::default().verbose(true);
    /// ```
    #[must_use]
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = Some(verbose);
        self
    }

    /// Whether the attribute `logfire.tags` is shown behind a span. Yes by default.
    /// Environment: `LOGFIRE_CONSOLE_INCLUDE_TAGS`.
    ///
    /// ```
    /// # use logfire_rs_sdk::ConsoleOptions;
    /// let options = ConsoleOptions::default().tags(false);
    /// ```
    #[must_use]
    pub fn tags(mut self, tags: bool) -> Self {
        self.tags = Some(tags);
        self
    }

    /// Whether there are colors. [`Colors::Auto`] by default, which is [`Colors::Never`] with a writer.
    /// Environment: `LOGFIRE_CONSOLE_COLORS` (`auto`, `always`, `never`).
    ///
    /// ```
    /// # use logfire_rs_sdk::{Colors, ConsoleOptions};
    /// let options = ConsoleOptions::default().colors(Colors::Always);
    /// ```
    #[must_use]
    pub fn colors(mut self, colors: Colors) -> Self {
        self.colors = Some(colors);
        self
    }

    /// Whether lines begin with the local time. Yes by default.
    /// Environment: `LOGFIRE_CONSOLE_INCLUDE_TIMESTAMP`.
    ///
    /// ```
    /// # use logfire_rs_sdk::ConsoleOptions;
    /// let options = ConsoleOptions::default().timestamps(false);
    /// ```
    #[must_use]
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.timestamps = Some(timestamps);
        self
    }

    /// Where the console writes. Stderr by default. The writer runs on the console's own thread; its errors are ignored.
    ///
    /// ```
    /// # use logfire_rs_sdk::ConsoleOptions;
    /// let options = ConsoleOptions::default().writer(std::io::stdout());
    /// ```
    #[must_use]
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Box::new(writer));
        self
    }

    /// The options with everything decided, or `None` if the console is off.
    pub(crate) fn resolve(self, env: &Environment) -> Option<ResolvedConsole> {
        if !self.enabled.or_else(|| env.boolean("LOGFIRE_CONSOLE")).unwrap_or(true) {
            return None;
        }
        let colors = self.colors.or_else(|| {
            env.parsed(&["LOGFIRE_CONSOLE_COLORS"], "`auto`, `always` or `never`", Colors::parse)
        });
        let colors = colors.unwrap_or_default().forced(self.writer.is_none(), env);
        let timestamps =
            self.timestamps.or_else(|| env.boolean("LOGFIRE_CONSOLE_INCLUDE_TIMESTAMP"));
        let style = self.span_style.or_else(|| {
            let expected = "`simple`, `indented` or `show-parents`";
            env.parsed(&["LOGFIRE_CONSOLE_SPAN_STYLE"], expected, SpanStyle::parse)
        });
        let min_level = self.min_level.or_else(|| {
            env.parsed(&["LOGFIRE_CONSOLE_MIN_LOG_LEVEL"], Level::EXPECTED, Level::parse)
        });
        let verbose = self.verbose.or_else(|| env.boolean("LOGFIRE_CONSOLE_VERBOSE"));
        let tags = self.tags.or_else(|| env.boolean("LOGFIRE_CONSOLE_INCLUDE_TAGS"));
        Some(ResolvedConsole {
            colors,
            layout: Layout {
                time_zone: timestamps.unwrap_or(true).then(TimeZone::system),
                style: style.unwrap_or_default(),
                min_level: min_level.unwrap_or(Level::Trace),
                verbose: verbose.unwrap_or(false),
                tags: tags.unwrap_or(true),
            },
            writer: self.writer,
        })
    }
}

/// On or off, with everything else as it is by default.
impl From<bool> for ConsoleOptions {
    fn from(enabled: bool) -> Self {
        Self { enabled: Some(enabled), ..Self::default() }
    }
}

impl fmt::Debug for ConsoleOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleOptions")
            .field("enabled", &self.enabled)
            .field("colors", &self.colors)
            .field("timestamps", &self.timestamps)
            .field("span_style", &self.span_style)
            .field("min_level", &self.min_level)
            .field("verbose", &self.verbose)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

impl Colors {
    /// <https://force-color.org>; the other variables are read by anstream. Not for a writer, which may be a file.
    fn forced(self, is_stderr: bool, env: &Environment) -> Self {
        let is_set = |name| env.text(&[name]).is_some();
        match self {
            Self::Auto if is_stderr && is_set("FORCE_COLOR") && !is_set("NO_COLOR") => Self::Always,
            colors => colors,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Some(Self::Auto),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}

impl SpanStyle {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "simple" => Some(Self::Simple),
            "indented" => Some(Self::Indented),
            "show-parents" => Some(Self::ShowParents),
            _ => None,
        }
    }
}

/// The options of a console that is on.
pub(crate) struct ResolvedConsole {
    pub(crate) colors: Colors,
    pub(crate) layout: Layout,
    /// `None` is stderr.
    pub(crate) writer: Option<Box<dyn Write + Send>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::environment;

    #[test]
    fn colors_can_be_forced_on_stderr() {
        let colors = |options: ConsoleOptions, variables| {
            options.resolve(&environment(variables).0).unwrap().colors
        };
        let default = ConsoleOptions::default;
        assert_eq!(colors(default(), &[]), Colors::Auto);
        let forced = &[("FORCE_COLOR", "1")];
        assert_eq!(colors(default(), forced), Colors::Always);
        assert_eq!(colors(default().colors(Colors::Never), forced), Colors::Never);
        assert_eq!(colors(default().writer(std::io::sink()), forced), Colors::Auto);
        let both = &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")];
        assert_eq!(colors(default(), both), Colors::Auto);
    }
}
