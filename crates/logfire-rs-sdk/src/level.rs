//! How important spans and logs are.

use opentelemetry::logs::Severity;

/// How important a span or log is: the levels of Logfire, with the numbers of OpenTelemetry's severities.
///
/// A span without a level counts as [`Level::Info`].
///
/// ```
/// use logfire_rs_sdk::Level;
///
/// assert!(Level::Warn > Level::Info);
/// assert_eq!(Level::Error.number(), 17);
/// assert_eq!(Level::parse("WARNING"), Some(Level::Warn));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 1
    Trace,
    /// 5
    Debug,
    /// 9
    #[default]
    Info,
    /// 10
    Notice,
    /// 13
    Warn,
    /// 17
    Error,
    /// 21
    Fatal,
}

impl Level {
    /// What a variable that names a level is expected to say.
    pub(crate) const EXPECTED: &str =
        "`trace`, `debug`, `info`, `notice`, `warn`, `error` or `fatal`";

    /// The number that `logfire.level_num` and severities have.
    ///
    /// ```
    /// assert_eq!(logfire_rs_sdk::Level::Debug.number(), 5);
    /// ```
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Trace => 1,
            Self::Debug => 5,
            Self::Info => 9,
            Self::Notice => 10,
            Self::Warn => 13,
            Self::Error => 17,
            Self::Fatal => 21,
        }
    }

    /// The level with this name, whatever its case; `warning` is `warn`.
    ///
    /// ```
    /// use logfire_rs_sdk::Level;
    ///
    /// assert_eq!(Level::parse("notice"), Some(Level::Notice));
    /// assert_eq!(Level::parse("loud"), None);
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "trace" => Some(Self::Trace),
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "notice" => Some(Self::Notice),
            "warn" | "warning" => Some(Self::Warn),
            "error" => Some(Self::Error),
            "fatal" => Some(Self::Fatal),
            _ => None,
        }
    }

    /// The highest level that is not above `number`.
    pub(crate) fn at(number: i64) -> Self {
        let levels = [Self::Fatal, Self::Error, Self::Warn, Self::Notice, Self::Info, Self::Debug];
        levels.into_iter().find(|level| level.number() <= number).unwrap_or(Self::Trace)
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        Self::at(severity as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_between_two_levels_is_the_lower_one() {
        for (number, level) in [
            (0, Level::Trace),
            (1, Level::Trace),
            (8, Level::Debug),
            (9, Level::Info),
            (12, Level::Notice),
            (20, Level::Error),
            (24, Level::Fatal),
        ] {
            assert_eq!(Level::at(number), level, "{number}");
        }
        assert_eq!(Level::from(Severity::Warn), Level::Warn);
    }
}
