//! Addresses as attributes: `Host` values taken apart, and the text of peers.

use std::net::IpAddr;
use std::sync::Arc;

use crate::recent::{Recent, slot};

/// The host and the port of `host[:port]`, brackets removed; `None` unless both are well-formed.
///
/// What a client writes into `Host` is not trusted: user information, paths and broken ports make
/// the whole value void, so that no attribute is half right.
pub(crate) fn split_host(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        (host, port)
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let valid = |byte: u8| byte.is_ascii_graphic() && !b"@:/?#[]\\\"<>^`{|}".contains(&byte);
        if host.is_empty() || !host.bytes().all(valid) {
            return None;
        }
        (host, port)
    };
    match port {
        // A colon without a port is legal, and says no more than none.
        Some("") | None => Some((host, None)),
        Some(port) if port.bytes().all(|it| it.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok()?)))
        }
        Some(_) => None,
    }
}

/// The port that `scheme` implies.
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// The text of `ip`; formatted once for the peers that a thread sees often.
#[inline]
pub(crate) fn ip_text(ip: IpAddr) -> Arc<str> {
    thread_local! {
        static RECENT: Recent<(IpAddr, Arc<str>), 16> = const { Recent::new() };
    }
    let last = match ip {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    let make = || (ip, Arc::from(ip.to_string()));
    Recent::share(&RECENT, usize::from(last), |it| it.0 == ip, make, |it| Arc::clone(&it.1))
}

/// The host and port of an authority, as attributes.
pub(crate) type Server = (Arc<str>, Option<u16>);

/// [`split_host`], worked out once for the authorities that a thread sees often.
#[inline]
pub(crate) fn server(authority: &[u8]) -> Option<Server> {
    /// That of a name in the DNS, with a port; a longer one is not worth keeping.
    const LIMIT: usize = 260;
    thread_local! {
        static RECENT: Recent<(Box<[u8]>, Option<Server>), 8> = const { Recent::new() };
    }
    let split = || {
        let (host, port) = split_host(std::str::from_utf8(authority).ok()?)?;
        Some((Arc::from(host), port))
    };
    if authority.len() > LIMIT {
        return split();
    }
    let make = || (authority.into(), split());
    Recent::share(&RECENT, slot(authority), |it| *it.0 == *authority, make, |it| it.1.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_hosts_are_taken_apart() {
        for (authority, expected) in [
            ("example.com", Some(("example.com", None))),
            ("example.com:8080", Some(("example.com", Some(8080)))),
            ("[::1]:8080", Some(("::1", Some(8080)))),
            ("[::1]", Some(("::1", None))),
            ("127.0.0.1:0", Some(("127.0.0.1", Some(0)))),
            ("", None),
            (":80", None),
            ("a:b:c", None),
            ("a:", Some(("a", None))),
            ("[::1]:", Some(("::1", None))),
            (":", None),
            ("a:99999", None),
            ("a:+80", None),
            ("[::1", None),
            ("[::1]8080", None),
            ("[nonsense]:80", None),
            ("user:secret@example.com", None),
            ("secret@example.com", None),
            ("a b", None),
            ("a/b", None),
        ] {
            assert_eq!(split_host(authority), expected, "{authority}");
        }
    }

    #[test]
    fn texts_are_shared_while_they_stay_the_same() {
        let (first, again) = (server(b"a:1").unwrap(), server(b"a:1").unwrap());
        assert!(Arc::ptr_eq(&first.0, &again.0));
        assert_eq!((&*first.0, first.1), ("a", Some(1)));
        assert_eq!(server(b"a:b"), None);
        assert_eq!(server(b"a:1").unwrap().1, Some(1));
        let ip: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(Arc::ptr_eq(&ip_text(ip), &ip_text(ip)));
        assert_eq!(&*ip_text("10.0.0.17".parse().unwrap()), "10.0.0.17");
        assert_eq!(&*ip_text("::1".parse().unwrap()), "::1");
    }
}
