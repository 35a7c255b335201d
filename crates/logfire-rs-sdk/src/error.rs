//! What can go wrong.

use std::fmt;

/// Why [`Configuration::finish`](crate::Configuration::finish) failed; the text names the setting and says what to do.
///
/// ```
/// use logfire_rs_sdk::configure;
///
/// let configuration = configure().local().env_lookup(|_| None).console(false);
/// let error = configuration.token("pylf_v1_us_x").base_url("logfire.example").finish().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "base_url is invalid: `logfire.example` is not a URL like `https://host[:port][/path]`",
/// );
/// ```
#[non_exhaustive]
pub enum ConfigureError {
    /// A base URL or a token that nothing can be sent with.
    #[non_exhaustive]
    Invalid {
        /// The setter or the environment variable.
        setting: &'static str,
        /// What is wrong with it, without showing secrets.
        reason: String,
    },
    /// A setting that needs a cargo feature which is off.
    #[non_exhaustive]
    FeatureOff {
        /// The setter or the environment variable, and its value where it matters.
        setting: String,
        /// The cargo feature.
        feature: &'static str,
    },
    /// [`SendToLogfire::Yes`](crate::SendToLogfire::Yes) without a token.
    TokenRequired,
    /// A second configuration in one process that is not [`local`](crate::Configuration::local).
    AlreadyConfigured,
    /// The operating system gave no thread.
    Thread(std::io::Error),
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { setting, reason } => write!(f, "{setting} is invalid: {reason}"),
            Self::FeatureOff { setting, feature } => {
                write!(f, "{setting} needs the cargo feature `{feature}`, which is off: enable it, or change the setting")
            }
            Self::TokenRequired => {
                f.write_str("send_to_logfire is on without a token: set LOGFIRE_TOKEN or call `token`")
            }
            Self::AlreadyConfigured => f.write_str(
                "logfire is configured already: call `finish` once per process, or add `local()` for one without globals",
            ),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

/// What `main` prints of an error that it returns is this: the text, for people.
impl fmt::Debug for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            Self::Invalid { .. }
            | Self::FeatureOff { .. }
            | Self::TokenRequired
            | Self::AlreadyConfigured => None,
        }
    }
}

/// Why a flush or shutdown of a [`Logfire`](crate::Logfire) left something behind.
///
/// ```
/// use logfire_rs_sdk::{configure, opentelemetry::trace::{Tracer, TracerProvider}};
///
/// // Nothing listens on port 1.
/// let configuration = configure().local().env_lookup(|_| None).console(false).on_warning(|_| ());
/// let logfire = configuration.token("pylf_v1_us_x").base_url("http://127.0.0.1:1").finish()?;
/// logfire.tracer_provider().tracer("doc").start("lost");
/// let error = logfire.shutdown().unwrap_err();
/// assert!(error.to_string().ends_with("to http://127.0.0.1:1 not delivered"), "{error}");
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FlushError {
    pub(crate) reasons: Vec<String>,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons.join("; "))
    }
}

/// What `main` prints of an error that it returns is this: the text, for people.
impl fmt::Debug for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for FlushError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_main_returns_is_told_as_its_text() {
        let told = |error: ConfigureError| {
            format!("Error: {:?}", Box::<dyn std::error::Error>::from(error))
        };
        assert_eq!(
            told(ConfigureError::AlreadyConfigured),
            "Error: logfire is configured already: call `finish` once per process, or add `local()` for one without globals"
        );
        let off = ConfigureError::FeatureOff { setting: "A=grpc".to_owned(), feature: "otlp-grpc" };
        assert_eq!(
            told(off),
            "Error: A=grpc needs the cargo feature `otlp-grpc`, which is off: enable it, or change the setting"
        );
        let thread = ConfigureError::Thread(std::io::Error::other("too many"));
        assert_eq!(told(thread), "Error: cannot start a thread: too many");
        let left = FlushError { reasons: vec!["2 exports to a not delivered".to_owned()] };
        assert_eq!(format!("{left:?}"), "2 exports to a not delivered");
    }
}
