//! A request while its body arrives.

use std::fmt;

use crate::{ForwardResponse, LogfireProxy, origins::OriginHeaders, proxy::Head};

/// What a body may reserve before it has arrived: a `Content-Length` is only a claim.
const MAX_RESERVED: usize = 64 * 1024;

/// A body that is being received; made by [`LogfireProxy::receive`].
///
/// It grows no longer than the limit. Dropping it forgets what has arrived, as when the client is gone.
#[must_use = "`finish` forwards what has arrived"]
pub struct Upload {
    proxy: LogfireProxy,
    head: Head,
    body: Vec<u8>,
    answer: OriginHeaders,
}

impl Upload {
    pub(crate) fn new(
        proxy: &LogfireProxy,
        head: Head,
        expected: usize,
        answer: OriginHeaders,
    ) -> Self {
        let body = Vec::with_capacity(expected.min(MAX_RESERVED));
        Self { proxy: proxy.clone(), head, body, answer }
    }

    /// Adds the next bytes of the body.
    ///
    /// # Errors
    ///
    /// The answer, `413`, if that is more than the limit; nothing more needs to be read then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ForwardResponse> {
        if bytes.len() > self.proxy.body_limit() - self.body.len() {
            return Err(self.answer.complete(ForwardResponse::too_large()));
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Forwards what has arrived: all of the body.
    #[must_use]
    pub fn finish(mut self) -> ForwardResponse {
        // What waits in the queue takes no more than it counts.
        self.body.shrink_to_fit();
        self.answer.complete(self.proxy.queue(&self.head, &self.body.into()))
    }

    /// The answer if the body broke off. Mostly there is nobody left to read it.
    #[must_use]
    pub fn broken(self) -> ForwardResponse {
        self.answer.complete(ForwardResponse::text(400, "Incomplete request body"))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("received", &self.body.len()).finish_non_exhaustive()
    }
}
