//! What the headers of proxies say of the way of a request.

use std::net::IpAddr;

use super::ProxyHeaders;
use crate::headers::{Headers, joined};

/// The original request, as far as the proxies tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) client: Option<IpAddr>,
    pub(crate) scheme: Option<&'static str>,
    /// `host[:port]`, not checked.
    pub(crate) host: Option<String>,
}

/// What each proxy on the way has noted, the one next to the client first.
#[derive(Default)]
pub(super) struct Hops {
    pub(super) clients: Vec<Option<IpAddr>>,
    schemes: Vec<String>,
    hosts: Vec<String>,
}

impl Hops {
    pub(super) fn read(headers: &dyn Headers, written: ProxyHeaders) -> Option<Self> {
        match written {
            ProxyHeaders::Any => Self::forwarded(headers).or_else(|| Self::x_forwarded(headers)),
            ProxyHeaders::Forwarded => Self::forwarded(headers),
            ProxyHeaders::XForwarded => Self::x_forwarded(headers),
        }
    }

    fn forwarded(headers: &dyn Headers) -> Option<Self> {
        let list = joined(headers, "forwarded")?;
        let mut hops = Self::default();
        // A quote that a client left open would swallow what the proxies add: void all.
        if has_open_quote(headers) || is_secret(headers, "forwarded") {
            return Some(hops);
        }
        for element in split_quoted(&list, ',') {
            let mut client = None;
            let (mut scheme, mut host) = (String::new(), String::new());
            for pair in split_quoted(element, ';') {
                // What is malformed tells nothing, and voids nothing else.
                let Some((name, value)) = pair.split_once('=') else { continue };
                let value = value.trim().trim_matches('"');
                match name.trim() {
                    it if it.eq_ignore_ascii_case("for") => client = node(value),
                    it if it.eq_ignore_ascii_case("proto") => value.clone_into(&mut scheme),
                    it if it.eq_ignore_ascii_case("host") => value.clone_into(&mut host),
                    _ => {}
                }
            }
            hops.clients.push(client);
            hops.schemes.push(scheme);
            hops.hosts.push(host);
        }
        Some(hops)
    }

    fn x_forwarded(headers: &dyn Headers) -> Option<Self> {
        let mut hops = Self::default();
        let list = |name| {
            let list = joined(headers, name).filter(|_| !is_secret(headers, name))?;
            Some(list.split(',').map(|it| it.trim().to_owned()).collect::<Vec<_>>())
        };
        let clients = list("x-forwarded-for");
        hops.clients = clients.unwrap_or_default().iter().map(|it| node(it)).collect();
        hops.schemes = list("x-forwarded-proto").unwrap_or_default();
        hops.hosts = list("x-forwarded-host").unwrap_or_default();
        (hops.len() > 0).then_some(hops)
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len().max(self.schemes.len()).max(self.hosts.len())
    }

    /// What the proxy next to the sender at `index` has noted.
    ///
    /// The older lists need not be equally long: proxies often set a single scheme.
    pub(super) fn at(&self, index: usize) -> Forwarded {
        fn pick<T>(list: &[T], index: usize, len: usize) -> Option<&T> {
            list.get(index.saturating_sub(len - list.len()))
        }
        let len = self.len();
        let scheme = pick(&self.schemes, index, len).map_or("", String::as_str);
        Forwarded {
            client: pick(&self.clients, index, len).copied().flatten(),
            scheme: known_scheme(scheme),
            host: pick(&self.hosts, index, len).filter(|it| !it.is_empty()).cloned(),
        }
    }
}

/// The schemes that `url.scheme` knows; a WebSocket's is that of its handshake.
pub(crate) fn known_scheme(scheme: &str) -> Option<&'static str> {
    match scheme {
        it if it.eq_ignore_ascii_case("http") || it.eq_ignore_ascii_case("ws") => Some("http"),
        it if it.eq_ignore_ascii_case("https") || it.eq_ignore_ascii_case("wss") => Some("https"),
        _ => None,
    }
}

/// The address of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn node(node: &str) -> Option<IpAddr> {
    let node = node.trim_matches('"');
    if let Ok(ip) = node.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    let ip = match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => node.split_once(':')?.0,
    };
    ip.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Whether the framework marks it as secret: what it tells would be recorded.
fn is_secret(headers: &dyn Headers, name: &str) -> bool {
    headers.first(name).is_some_and(|it| it.sensitive)
}

/// Whether a line of `Forwarded` ends inside of quotes.
fn has_open_quote(headers: &dyn Headers) -> bool {
    let mut open = false;
    headers.each("forwarded", &mut |line| {
        open |= line.bytes.iter().filter(|it| **it == b'"').count() % 2 != 0;
    });
    open
}

/// Splits at `separator`, but not inside of quotes.
fn split_quoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |it| {
        quoted ^= it == '"';
        it == separator && !quoted
    })
}
