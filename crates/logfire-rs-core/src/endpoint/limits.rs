//! How much is kept of what a handler was called with.

/// How much is kept of each value of an argument, for
/// [`endpoint_limits`](crate::HttpServerOptions::endpoint_limits).
///
/// What is beyond a limit is left out, with `…` in its place, and what is left is valid JSON.
///
/// ```
/// use logfire_rs_core::{EndpointLimits, HttpServerOptions};
///
/// let limits = EndpointLimits::default().max_bytes(1024).max_items(100).max_depth(4);
/// let options = HttpServerOptions::default().endpoint_limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointLimits {
    pub(super) bytes: usize,
    pub(super) items: usize,
    pub(super) depth: usize,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self { bytes: 8 * 1024, items: 1000, depth: 16 }
    }
}

impl EndpointLimits {
    /// The bytes of JSON of a value. 8192 by default.
    ///
    /// A string is cut between two characters; the marks and what closes arrays and objects come on
    /// top.
    ///
    /// ```
    /// use logfire_rs_core::EndpointLimits;
    ///
    /// let limits = EndpointLimits::default().max_bytes(64 * 1024);
    /// ```
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// The items of all arrays and objects of a value, together. 1000 by default.
    ///
    /// ```
    /// use logfire_rs_core::EndpointLimits;
    ///
    /// let limits = EndpointLimits::default().max_items(50);
    /// ```
    #[must_use]
    pub fn max_items(mut self, items: usize) -> Self {
        self.items = items;
        self
    }

    /// How deep arrays and objects of a value are nested. 16 by default.
    ///
    /// ```
    /// use logfire_rs_core::EndpointLimits;
    ///
    /// let limits = EndpointLimits::default().max_depth(3);
    /// ```
    #[must_use]
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }
}
