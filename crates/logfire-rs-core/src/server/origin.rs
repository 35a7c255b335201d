//! Where a request was sent to, and by whom: as far as the request, its connection and trusted
//! proxies tell.

use std::net::IpAddr;

use super::config::ServerConfig;
use crate::address::{self, Server};
use crate::forwarded::known_scheme;
use crate::headers::CommonHeaders;
use crate::message::ServerRequest;
use crate::options::UrlScheme;

/// The original request behind the one that arrived.
pub(super) struct Origin<'a> {
    pub(super) scheme: &'static str,
    /// The client behind trusted proxies.
    pub(super) client: Option<IpAddr>,
    /// The host that a trusted proxy tells.
    host: Option<String>,
    request: &'a ServerRequest<'a>,
    pub(super) headers: &'a CommonHeaders<'a>,
}

impl<'a> Origin<'a> {
    #[inline]
    pub(super) fn read(
        config: &ServerConfig,
        request: &'a ServerRequest<'a>,
        headers: &'a CommonHeaders<'a>,
    ) -> Self {
        let proxies = config.options.trusted_proxies.as_ref();
        let forwarded =
            proxies.and_then(|it| it.read(request.headers, request.peer)).unwrap_or_default();
        let fixed = config.options.url_scheme.map(UrlScheme::as_str);
        let own = || request.scheme.and_then(known_scheme).unwrap_or("http");
        Self {
            scheme: fixed.or(forwarded.scheme).unwrap_or_else(own),
            client: forwarded.client,
            host: forwarded.host.filter(|it| address::split_host(it).is_some()),
            request,
            headers,
        }
    }

    /// `host[:port]` that the request was sent to, well-formed.
    pub(super) fn authority(&self) -> Option<&str> {
        let authority = std::str::from_utf8(self.claimed_authority()?).ok()?;
        address::split_host(authority).map(|_| authority)
    }

    /// The same, taken apart, to be recorded: not what the framework marks as secret.
    pub(super) fn server(&self) -> Option<Server> {
        let authority = self.told_authority().map(str::as_bytes);
        let host = || self.headers.host().filter(|it| !it.sensitive).map(|it| it.bytes);
        authority.or_else(host).and_then(address::server)
    }

    fn claimed_authority(&self) -> Option<&[u8]> {
        let host = || self.headers.host().map(|it| it.bytes);
        self.told_authority().map(str::as_bytes).or_else(host)
    }

    fn told_authority(&self) -> Option<&str> {
        let own = || self.request.authority.map(without_user_info);
        self.host.as_deref().or_else(own)
    }
}

/// Names and passwords of an absolute-form target are not for anyone's eyes.
fn without_user_info(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |it| it.1)
}
