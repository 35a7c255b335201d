//! Whether telemetry goes to Logfire, and with which tokens.

use crate::{
    ConfigureError,
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
#[derive(Debug, Default)]
pub(crate) struct LogfireSettings {
    pub(crate) token: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) send: Option<SendToLogfire>,
}

impl LogfireSettings {
    /// The tokens that telemetry is sent with, if any, and the setting that they come from.
    pub(crate) fn tokens(
        &self,
        env: &Environment,
    ) -> Result<(&'static str, Vec<String>), ConfigureError> {
        let send = self.send.or_else(|| {
            let expected = "`true`, `false` or `if-token-present`";
            env.parsed(&["LOGFIRE_SEND_TO_LOGFIRE"], expected, SendToLogfire::parse)
        });
        let (setting, tokens) = match &self.token {
            Some(token) => ("token", token.clone()),
            None => ("LOGFIRE_TOKEN", env.text(&["LOGFIRE_TOKEN"]).unwrap_or_default()),
        };
        if send == Some(SendToLogfire::No) {
            return Ok((setting, Vec::new()));
        }
        let tokens: Vec<_> = tokens
            .split(',')
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .map(str::to_owned)
            .collect();
        if tokens.is_empty() && self.send == Some(SendToLogfire::Yes) {
            return Err(ConfigureError::TokenRequired);
        }
        if tokens.is_empty() && send == Some(SendToLogfire::Yes) {
            env.warn(&"LOGFIRE_SEND_TO_LOGFIRE is on, but there is no token: set LOGFIRE_TOKEN");
        }
        Ok((setting, tokens))
    }
}
