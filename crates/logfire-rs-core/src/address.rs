//! Addresses as attributes: `Host` values taken apart, and the text of peers.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

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

/// A peer and its text.
type Known = Option<(IpAddr, Arc<str>)>;

/// The text of `ip`; formatted once for the peers that a thread sees often.
pub(crate) fn ip_text(ip: IpAddr) -> Arc<str> {
    thread_local! {
        static RECENT: RefCell<[Known; 16]> = const { RefCell::new([const { None }; 16]) };
    }
    let last = match ip {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    let find = |recent: &RefCell<[Known; 16]>| {
        let mut recent = recent.borrow_mut();
        let slot = recent.get_mut(usize::from(last % 16))?;
        match slot {
            Some((known, text)) if *known == ip => Some(Arc::clone(text)),
            _ => Some(Arc::clone(&slot.insert((ip, ip.to_string().into())).1)),
        }
    };
    RECENT.try_with(find).ok().flatten().unwrap_or_else(|| ip.to_string().into())
}

/// The host and port of an authority, as attributes.
pub(crate) type Server = (Arc<str>, Option<u16>);

/// [`split_host`], worked out once as long as a thread sees the same authority.
pub(crate) fn server(authority: &str) -> Option<Server> {
    thread_local! {
        static LAST: RefCell<(String, Option<Server>)> = const { RefCell::new((String::new(), None)) };
    }
    let split = || split_host(authority).map(|(host, port)| (Arc::from(host), port));
    let find = |last: &RefCell<(String, Option<Server>)>| {
        let mut last = last.borrow_mut();
        if last.0 != authority {
            *last = (authority.to_owned(), split());
        }
        last.1.clone()
    };
    LAST.try_with(find).unwrap_or_else(|_| split())
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
        let (first, again) = (server("a:1").unwrap(), server("a:1").unwrap());
        assert!(Arc::ptr_eq(&first.0, &again.0));
        assert_eq!((&*first.0, first.1), ("a", Some(1)));
        assert_eq!(server("a:b"), None);
        assert_eq!(server("a:1").unwrap().1, Some(1));
        let ip: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(Arc::ptr_eq(&ip_text(ip), &ip_text(ip)));
        assert_eq!(&*ip_text("10.0.0.17".parse().unwrap()), "10.0.0.17");
        assert_eq!(&*ip_text("::1".parse().unwrap()), "::1");
    }
}
