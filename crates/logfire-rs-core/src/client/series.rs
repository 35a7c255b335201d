//! What the usual series of a client's metrics are known by.

use crate::message::HttpVersion;

/// What the attributes of a usual request are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    /// The slot of the request among the active ones: method, server and template.
    pub(super) target: usize,
    pub(super) version: Option<HttpVersion>,
    pub(super) status: Option<u16>,
}

impl Series {
    /// Its parts in one number, for a table.
    pub(super) fn mixed(self) -> u64 {
        (self.target as u64) << 32 | u64::from(self.status.unwrap_or_default()) << 16
    }
}
