//! Where a request was sent to, and by whom: as far as the request, its connection and trusted
//! proxies tell.

use std::borrow::Cow;
use std::net::IpAddr;

use super::config::ServerConfig;
use crate::address::{self, Server};
use crate::forwarded::known_scheme;
use crate::headers::only;
use crate::message::ServerRequest;
use crate::options::UrlScheme;

/// The original request behind the one that arrived.
pub(super) struct Origin<'a> {
    pub(super) scheme: &'static str,
    /// The client behind trusted proxies.
    pub(super) client: Option<IpAddr>,
    /// The host and the port that it was sent to, if both are well-formed.
    pub(super) server: Option<Server>,
    authority: Option<Cow<'a, str>>,
}

impl<'a> Origin<'a> {
    pub(super) fn read(config: &ServerConfig, request: &ServerRequest<'a>) -> Self {
        let proxies = config.options.trusted_proxies.as_ref();
        let forwarded =
            proxies.and_then(|it| it.read(request.headers, request.peer)).unwrap_or_default();
        let fixed = config.options.url_scheme.map(UrlScheme::as_str);
        let own = || request.scheme.and_then(known_scheme).unwrap_or("http");
        let authority = forwarded
            .host
            .filter(|it| address::split_host(it).is_some())
            .map(Cow::Owned)
            .or_else(|| request.authority.map(|it| Cow::Borrowed(without_user_info(it))))
            .or_else(|| only(request.headers, "host").map(Cow::Borrowed));
        Self {
            scheme: fixed.or(forwarded.scheme).unwrap_or_else(own),
            client: forwarded.client,
            server: authority.as_deref().and_then(address::server),
            authority,
        }
    }

    /// `host[:port]`, well-formed.
    pub(super) fn authority(&self) -> Option<&str> {
        self.authority.as_deref().filter(|_| self.server.is_some())
    }
}

/// Names and passwords of an absolute-form target are not for anyone's eyes.
fn without_user_info(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |it| it.1)
}
