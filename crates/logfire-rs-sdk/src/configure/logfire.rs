//! Logfire: whether, who and where.

use std::path::PathBuf;

use crate::{Configuration, SendToLogfire};

impl Configuration {
    /// The Logfire write token; several, separated by commas, all get everything.
    ///
    /// A token that names no known region of Logfire is told once and sent to the US region.
    /// Environment: `LOGFIRE_TOKEN`. None by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().token("pylf_v1_eu_…");
    /// ```
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.logfire.token = Some(token.into());
        self
    }

    /// Whether telemetry goes to Logfire.
    ///
    /// Environment: `LOGFIRE_SEND_TO_LOGFIRE` (`true`, `false`, `if-token-present`). If there is a token by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().send_to_logfire(false);
    /// ```
    pub fn send_to_logfire(mut self, send: impl Into<SendToLogfire>) -> Self {
        self.logfire.send = Some(send.into());
        self
    }

    /// The base URL of Logfire, for a self-hosted one.
    ///
    /// Environment: `LOGFIRE_BASE_URL`. By default that of the credentials file, or of the token's region.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().base_url("https://logfire.example.com");
    /// ```
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.logfire.base_url = Some(base_url.into());
        self
    }

    /// The directory of the credentials file, `logfire_credentials.json`, which `logfire projects use` writes. Its token
    /// and its base URL are used if there are no others.
    ///
    /// A file that cannot be read is an error; if the directory is not named, it is one warning, and a missing file none.
    /// Environment: `LOGFIRE_CREDENTIALS_DIR`. By default `.logfire` in the current directory, but not with
    /// [`env_lookup`](Self::env_lookup).
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().data_dir("/etc/shop/logfire");
    /// ```
    pub fn data_dir(mut self, data_dir: impl Into<PathBuf>) -> Self {
        self.logfire.data_dir = Some(data_dir.into());
        self
    }
}
