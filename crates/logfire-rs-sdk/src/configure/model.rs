//! What spans and logs say, and which of them leave.

use super::Configuration;
use crate::Scrubbing;

impl Configuration {
    /// What is scrubbed before anything leaves, to Logfire, to other backends, to the console and to processors of the
    /// user; `false` turns it off. On by default, with the patterns of [`Scrubbing`].
    ///
    /// An invalid extra pattern is an error of [`finish`](Self::finish).
    ///
    /// ```
    /// use logfire_rs_sdk::Scrubbing;
    ///
    /// let configuration = logfire_rs_sdk::configure().scrubbing(Scrubbing::default().extra_patterns(["phone"]));
    /// let configuration = logfire_rs_sdk::configure().scrubbing(false);
    /// ```
    pub fn scrubbing(mut self, scrubbing: impl Into<Scrubbing>) -> Self {
        self.scrubbing = scrubbing.into();
        self
    }
}
