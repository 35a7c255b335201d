//! Whether telemetry goes to Logfire, and with which tokens.

use std::{fmt, path::PathBuf};

use crate::{
    ConfigureError,
    credentials::{self, Credentials},
    environment::{Environment, parse_bool},
};

/// Whether telemetry goes to Logfire: always, never, or if there is a token (the default).
///
/// ```
/// use logfire_rs_sdk::SendToLogfire;
///
/// assert_eq!(SendToLogfire::from(false), SendToLogfire::No);
/// assert_eq!(SendToLogfire::default(), SendToLogfire::IfTokenPresent);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendToLogfire {
    /// A missing token is an error.
    Yes,
    /// A token is ignored.
    No,
    /// If there is a token.
    #[default]
    IfTokenPresent,
}

impl From<bool> for SendToLogfire {
    fn from(send: bool) -> Self {
        if send { Self::Yes } else { Self::No }
    }
}

impl SendToLogfire {
    fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("if-token-present") {
            return Some(Self::IfTokenPresent);
        }
        parse_bool(text).map(Self::from)
    }
}

/// What the setters gave about Logfire.
#[derive(Default)]
pub(crate) struct LogfireSettings {
    pub(crate) token: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) send: Option<SendToLogfire>,
    pub(crate) data_dir: Option<PathBuf>,
    #[cfg(feature = "otlp-http")]
    pub(crate) spool: Option<PathBuf>,
}

/// The tokens that telemetry is sent with, if any.
pub(crate) struct Tokens {
    /// The setting that they come from.
    pub(crate) setting: &'static str,
    pub(crate) tokens: Vec<String>,
    /// Where the credentials file says that they belong.
    #[cfg_attr(not(feature = "otlp-http"), expect(dead_code, reason = "nothing is sent"))]
    pub(crate) base_url: Option<String>,
}

impl LogfireSettings {
    /// The setter wins, then the variable, then the credentials file.
    pub(crate) fn tokens(&self, env: &Environment) -> Result<Tokens, ConfigureError> {
        let send = self.send.or_else(|| {
            let expected = "`true`, `false` or `if-token-present`";
            env.parsed(&["LOGFIRE_SEND_TO_LOGFIRE"], expected, SendToLogfire::parse)
        });
        let (setting, text) = match &self.token {
            Some(token) => ("token", token.clone()),
            None => ("LOGFIRE_TOKEN", env.text(&["LOGFIRE_TOKEN"]).unwrap_or_default()),
        };
        if send == Some(SendToLogfire::No) {
            return Ok(Tokens { setting, tokens: Vec::new(), base_url: None });
        }
        let mut found = Tokens { setting, tokens: split(&text), base_url: None };
        if found.tokens.is_empty()
            && let Some((setting, credentials)) = credentials::read(self.data_dir.as_deref(), env)?
        {
            let Credentials { token, base_url } = credentials;
            found = Tokens { setting, tokens: split(&token), base_url };
        }
        if found.tokens.is_empty() && self.send == Some(SendToLogfire::Yes) {
            return Err(ConfigureError::TokenRequired);
        }
        if found.tokens.is_empty() && send == Some(SendToLogfire::Yes) {
            env.warn(&"LOGFIRE_SEND_TO_LOGFIRE is on, but there is no token: set LOGFIRE_TOKEN");
        }
        Ok(found)
    }
}

/// A token is a secret, and a base URL may hold one.
impl fmt::Debug for LogfireSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogfireSettings")
            .field("has_token", &self.token.is_some())
            .field("has_base_url", &self.base_url.is_some())
            .field("send", &self.send)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

/// Each once: a token that is there twice would get everything twice.
fn split(tokens: &str) -> Vec<String> {
    let tokens = tokens.split(',').map(str::trim).filter(|token| !token.is_empty());
    tokens.fold(Vec::new(), |mut each, token| {
        if !each.iter().any(|it| it == token) {
            each.push(token.to_owned());
        }
        each
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn tokens_are_separated_by_commas_and_each_is_there_once() {
        assert_eq!(split(" a , b,,a , c "), ["a", "b", "c"]);
        assert!(split(" , ").is_empty());
    }
}
