//! A request while its body arrives.

use logfire_rs_core::Headers;

use crate::{ForwardResponse, LogfireProxy, origins::OriginHeaders};

/// What a body may reserve before it has arrived: a `Content-Length` is only a claim.
const MAX_RESERVED: usize = 64 * 1024;

/// A body that is being received; made by [`LogfireProxy::receive`].
///
/// It grows no longer than the limit. Dropping it forgets what has arrived, as when the client is gone.
#[derive(Debug)]
#[must_use = "`finish` forwards what has arrived"]
pub struct Upload {
    proxy: LogfireProxy,
    body: Vec<u8>,
    answer: OriginHeaders,
}

impl Upload {
    pub(crate) fn new(proxy: &LogfireProxy, expected: usize, answer: OriginHeaders) -> Self {
        let body = Vec::with_capacity(expected.min(MAX_RESERVED));
        Self { proxy: proxy.clone(), body, answer }
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

    /// Forwards what has arrived: all of the body. `path` is what follows the mount in the URL.
    #[must_use]
    pub fn finish(mut self, path: &str, headers: &dyn Headers) -> ForwardResponse {
        // What waits in the queue takes no more than it counts.
        self.body.shrink_to_fit();
        self.answer.complete(self.proxy.forward(path, headers, self.body.into()))
    }

    /// The answer if the route that it is mounted at has no parameter `path`; `usage` is how to write one.
    #[must_use]
    pub fn without_path(self, usage: &str) -> ForwardResponse {
        let text = format!("Missing path parameter. Use {usage} in the route definition.");
        self.answer.complete(ForwardResponse::text(400, text))
    }

    /// The answer if the body broke off. Mostly there is nobody left to read it.
    #[must_use]
    pub fn broken(self) -> ForwardResponse {
        self.answer.complete(ForwardResponse::text(400, "Incomplete request body"))
    }
}
