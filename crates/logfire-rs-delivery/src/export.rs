//! One body to be delivered.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    Tally,
    destination::within_bounds,
    tally::{Counted, Outcome},
};

/// One body to be posted: a path below the destination's base URL, a content type and bytes.
///
/// ```
/// use logfire_rs_delivery::Export;
///
/// let export = Export::new("/v1/traces", "application/x-protobuf", vec![10, 0]);
/// assert_eq!(export.size(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Export {
    path: Cow<'static, str>,
    headers: HeaderMap,
    body: Bytes,
    timeout: Option<Duration>,
    counted: Option<Counted>,
}

impl Export {
    /// An export of `body`. The path begins with `/`, which is added if it is missing, or is empty if the base URL is the
    /// whole address.
    ///
    /// # Panics
    ///
    /// If `content_type` has a character that a header cannot have, such as the end of a line.
    ///
    /// ```
    /// use logfire_rs_delivery::Export;
    ///
    /// let export = Export::new("", "application/json", "{}");
    /// ```
    #[must_use]
    pub fn new(
        path: impl Into<Cow<'static, str>>,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let mut path = path.into();
        if !path.is_empty() && !path.starts_with('/') {
            // It would become a part of the host, and lead a token elsewhere.
            path.to_mut().insert(0, '/');
        }
        Self { path, headers, body: body.into(), timeout: None, counted: None }
    }

    /// Sends a header with this export, instead of an earlier one and of the destination's own of the same name.
    ///
    /// An export with a `content-encoding` goes out as it is.
    ///
    /// ```
    /// use http::{HeaderValue, header};
    /// use logfire_rs_delivery::Export;
    ///
    /// let gzip = HeaderValue::from_static("gzip");
    /// let export = Export::new("/v1/logs", "application/json", vec![0x1f, 0x8b]).header(header::CONTENT_ENCODING, gzip);
    /// ```
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// How long one try may take, instead of the timeout of the destination; at least one millisecond, at most a day.
    ///
    /// ```
    /// # use {logfire_rs_delivery::Export, std::time::Duration};
    /// let export = Export::new("/v1/logs", "application/json", "{}").timeout(Duration::from_secs(3));
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(within_bounds(timeout));
        self
    }

    /// Has `tally` count what becomes of the `items` in this export.
    ///
    /// ```
    /// # use logfire_rs_delivery::{Export, Tally};
    /// let logs = Tally::default();
    /// let export = Export::new("/v1/logs", "application/json", "{}").counted(&logs, 1);
    /// ```
    #[must_use]
    pub fn counted(mut self, tally: &Tally, items: u64) -> Self {
        self.counted = Some(Counted { tally: tally.clone(), items });
        self
    }

    /// The length of the body in bytes, before compression: what counts against the queue's limit.
    ///
    /// ```
    /// # use logfire_rs_delivery::Export;
    /// assert_eq!(Export::new("", "application/json", "{}").size(), 2);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn became(&self, outcome: Outcome) {
        if let Some(counted) = &self.counted {
            counted.became(outcome);
        }
    }

    pub(crate) const fn counted_items(&self) -> Option<&Counted> {
        self.counted.as_ref()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) const fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) const fn own_timeout(&self) -> Option<Duration> {
        self.timeout
    }
}
