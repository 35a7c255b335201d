//! What else differs between two measurements.

use std::str::FromStr;

/// How requests are sampled, what they carry, and where their spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// Sampled; the span is freed when it ends.
    Sampled,
    /// Sampled, and each request has a `traceparent`.
    Traceparent,
    /// The same, and no global propagator is set.
    TraceparentAlone,
    /// Not sampled.
    Unsampled,
    /// No SDK is installed.
    NoSdk,
    /// Sampled; another thread frees the spans.
    Batch,
    /// Sampled, and each request has a query with a secret.
    Query,
}

impl Configuration {
    /// All of them.
    pub const ALL: [(&str, Self); 7] = [
        ("sampled", Self::Sampled),
        ("traceparent", Self::Traceparent),
        ("traceparent-alone", Self::TraceparentAlone),
        ("unsampled", Self::Unsampled),
        ("no-sdk", Self::NoSdk),
        ("batch", Self::Batch),
        ("query", Self::Query),
    ];
}

impl Configuration {
    /// Whether each request has a `traceparent`.
    pub fn has_parent(self) -> bool {
        matches!(self, Self::Traceparent | Self::TraceparentAlone)
    }
}

impl FromStr for Configuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, it)| *it).ok_or_else(|| format!("there is no configuration `{text}`"))
    }
}
