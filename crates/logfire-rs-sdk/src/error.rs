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
#[derive(Debug)]
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
            Self::Thread(_) => f.write_str("cannot start a thread"),
        }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlushError {
    pub(crate) reasons: Vec<String>,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons.join("; "))
    }
}

impl std::error::Error for FlushError {}
