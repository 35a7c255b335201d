//! What trusted proxies tell about the original request.

mod hops;
mod network;

use std::net::IpAddr;

use self::hops::Hops;
pub(crate) use self::hops::{Forwarded, known_scheme};
pub use self::network::InvalidNetwork;
use self::network::Network;
use crate::headers::Headers;
use crate::message::Peer;

/// The proxies whose `Forwarded` and `X-Forwarded-*` headers are believed.
///
/// These headers can be written by anyone, so by default none is.
///
/// ```
/// use logfire_rs_core::{HttpServerOptions, TrustedProxies};
///
/// // One load balancer in front of the service:
/// let options = HttpServerOptions::default().trusted_proxies(1);
/// // Whatever comes from these networks:
/// let networks = TrustedProxies::networks(["10.0.0.0/8", "fd00::/8"])?;
/// let options = HttpServerOptions::default().trusted_proxies(networks);
/// # Ok::<(), logfire_rs_core::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    trusted: Trusted,
    headers: ProxyHeaders,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    Count(usize),
    Networks(Vec<Network>),
}

impl TrustedProxies {
    /// The last `count` senders of a request are trusted; 0 trusts none.
    ///
    /// ```
    /// use logfire_rs_core::TrustedProxies;
    ///
    /// // A content delivery network, and a load balancer behind it:
    /// let proxies = TrustedProxies::count(2);
    /// assert_eq!(proxies, 2.into());
    /// ```
    #[must_use]
    pub fn count(count: usize) -> Self {
        Self { trusted: Trusted::Count(count), headers: ProxyHeaders::default() }
    }

    /// Senders from these networks are trusted: `10.0.0.0/8`, `::1`. A Unix socket is, too.
    ///
    /// # Errors
    ///
    /// If one of `networks` is not an address with an optional prefix length.
    ///
    /// ```
    /// use logfire_rs_core::TrustedProxies;
    ///
    /// let proxies = TrustedProxies::networks(["10.0.0.0/8", "::1"])?;
    /// assert!(TrustedProxies::networks(["10.0.0.0/8", "my-proxy"]).is_err());
    /// # Ok::<(), logfire_rs_core::InvalidNetwork>(())
    /// ```
    pub fn networks<S: AsRef<str>>(
        networks: impl IntoIterator<Item = S>,
    ) -> Result<Self, InvalidNetwork> {
        let networks = networks.into_iter().map(|it| Network::parse(it.as_ref()));
        let trusted = Trusted::Networks(networks.collect::<Result<_, _>>()?);
        Ok(Self { trusted, headers: ProxyHeaders::default() })
    }

    /// Which headers the proxies write. [`ProxyHeaders::Any`] by default.
    ///
    /// Name them where you can: a header that your proxies do not write is the client's own, and
    /// passes through them untouched.
    ///
    /// ```
    /// use logfire_rs_core::{HttpServerOptions, ProxyHeaders, TrustedProxies};
    ///
    /// let proxies = TrustedProxies::count(1).headers(ProxyHeaders::XForwarded);
    /// let options = HttpServerOptions::default().trusted_proxies(proxies);
    /// ```
    #[must_use]
    pub fn headers(self, headers: ProxyHeaders) -> Self {
        Self { headers, ..self }
    }

    /// What the proxies tell; `None` if nothing, or nothing that can be believed.
    pub(crate) fn read(&self, headers: &dyn Headers, peer: Option<Peer<'_>>) -> Option<Forwarded> {
        let hops = Hops::read(headers, self.headers)?;
        let sender = match &self.trusted {
            Trusted::Count(0) => return None,
            Trusted::Count(count) => hops.len().saturating_sub(*count),
            Trusted::Networks(networks) => {
                let trusted = |ip: IpAddr| networks.iter().any(|it| it.contains(ip));
                match peer? {
                    Peer::Inet(peer) if !trusted(peer.ip()) => return None,
                    Peer::Inet(_) | Peer::Unix(_) => {}
                }
                let proxies = hops.clients.iter().skip(1).rev();
                let proxies = proxies.take_while(|it| it.is_some_and(trusted)).count();
                hops.len().saturating_sub(proxies + 1)
            }
        };
        Some(hops.at(sender))
    }
}

impl From<usize> for TrustedProxies {
    fn from(count: usize) -> Self {
        Self::count(count)
    }
}

/// The headers that proxies write; see [`TrustedProxies::headers`].
///
/// ```
/// use logfire_rs_core::{ProxyHeaders, TrustedProxies};
///
/// let proxies = TrustedProxies::count(1).headers(ProxyHeaders::Forwarded);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeaders {
    /// `Forwarded` if there is one, else `X-Forwarded-*`.
    ///
    /// The proxies must set or remove all of them.
    #[default]
    Any,
    /// `Forwarded` of [RFC 7239](https://www.rfc-editor.org/rfc/rfc7239), and nothing else.
    Forwarded,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, and nothing else.
    XForwarded,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::headers::tests::Lines;

    fn read(trusted: &TrustedProxies, peer: &str, lines: &[(&str, &str)]) -> String {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let peer = Some(Peer::Inet(peer.parse().unwrap()));
        match trusted.read(&Lines(&lines), peer) {
            None => "-".to_owned(),
            Some(Forwarded { client, scheme, host }) => format!(
                "{} {} {}",
                client.map_or("-".to_owned(), |it| it.to_string()),
                scheme.unwrap_or("-"),
                host.unwrap_or("-".to_owned()),
            ),
        }
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        let peer = "10.0.0.9:1";
        let spoofed = [("X-Forwarded-For", "6.6.6.6, 1.2.3.4"), ("X-Forwarded-Proto", "https")];
        assert_eq!(read(&TrustedProxies::count(0), peer, &spoofed), "-");
        assert_eq!(read(&TrustedProxies::count(1), peer, &spoofed), "1.2.3.4 https -");
        assert_eq!(read(&TrustedProxies::count(2), peer, &spoofed), "6.6.6.6 https -");
        assert_eq!(read(&TrustedProxies::count(9), peer, &spoofed), "6.6.6.6 https -");

        let networks = TrustedProxies::networks(["10.0.0.0/8", "::1"]).unwrap();
        assert_eq!(read(&networks, peer, &spoofed), "1.2.3.4 https -");
        assert_eq!(read(&networks, "11.0.0.1:1", &spoofed), "-");
        assert_eq!(read(&networks, "[::ffff:10.1.1.1]:1", &spoofed), "1.2.3.4 https -");
        let mapped = TrustedProxies::networks(["::ffff:10.0.0.0/104"]).unwrap();
        assert_eq!(read(&mapped, peer, &spoofed), "1.2.3.4 https -");
        assert_eq!(read(&mapped, "11.0.0.1:1", &spoofed), "-");
        assert!(TrustedProxies::networks(["::ffff:10.0.0.0/129"]).is_err());
        let chain = [("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.1")];
        assert_eq!(read(&networks, peer, &chain), "1.2.3.4 - -");
        assert_eq!(read(&networks, peer, &[("x-forwarded-for", "10.0.0.1")]), "10.0.0.1 - -");
        for client in ["1.2.3.4", "10.0.0.1"] {
            let hosts = [("x-forwarded-for", client), ("x-forwarded-host", "evil, real")];
            assert_eq!(read(&networks, peer, &hosts), format!("{client} - real"));
        }
        let only_host = [("x-forwarded-host", "evil, real")];
        assert_eq!(read(&networks, peer, &only_host), "- - real");
    }

    #[test]
    fn headers_that_the_proxies_do_not_write_are_the_clients_own() {
        let peer = "10.0.0.9:1";
        let both = [
            ("Forwarded", "for=1.1.1.1;proto=https;host=a.b"),
            ("X-Forwarded-For", "2.2.2.2"),
            ("X-Forwarded-Proto", "http"),
        ];
        for (headers, expected) in [
            (ProxyHeaders::Any, "1.1.1.1 https a.b"),
            (ProxyHeaders::Forwarded, "1.1.1.1 https a.b"),
            (ProxyHeaders::XForwarded, "2.2.2.2 http -"),
        ] {
            let trusted = TrustedProxies::count(1).headers(headers);
            assert_eq!(read(&trusted, peer, &both), expected, "{headers:?}");
        }
        let networks = TrustedProxies::networks(["10.0.0.0/8"]).unwrap();
        let networks = networks.headers(ProxyHeaders::XForwarded);
        assert_eq!(read(&networks, peer, &both), "2.2.2.2 http -");
        assert_eq!(read(&networks, peer, &both[..1]), "-");
        let forwarded = TrustedProxies::count(1).headers(ProxyHeaders::Forwarded);
        assert_eq!(read(&forwarded, peer, &both[1..]), "-");
    }

    #[test]
    fn both_kinds_of_headers_are_read_and_malformed_values_are_not() {
        let one = TrustedProxies::from(1);
        let peer = "10.0.0.9:1";
        for (lines, expected) in [
            (
                &[("Forwarded", r#"for="[2001:db8::1]:80";proto=HTTPS;host=a.b"#)][..],
                "2001:db8::1 https a.b",
            ),
            (
                &[("forwarded", "for=6.6.6.6"), ("forwarded", r#"For=1.2.3.4;host="a,b;c:80""#)],
                "1.2.3.4 - a,b;c:80",
            ),
            (&[("forwarded", "for=_hidden;proto=gopher")], "- - -"),
            (&[("forwarded", "nonsense"), ("x-forwarded-for", "1.2.3.4")], "- - -"),
            (&[("forwarded", "nonsense, for=1.2.3.4;")], "1.2.3.4 - -"),
            (&[("forwarded", r#"for=6.6.6.6;host=evil;x=", for=1.2.3.4;host=real"#)], "- - -"),
            (&[("forwarded", r#"for=6.6.6.6;x=""#), ("forwarded", r#"for="1.2.3.4""#)], "- - -"),
            (
                &[("x-forwarded-for", "1.2.3.4:5678"), ("x-forwarded-host", "a.b:1, c.d")],
                "1.2.3.4 - c.d",
            ),
            (&[("x-forwarded-proto", "wss")], "- https -"),
            (&[("x-forwarded-for", "unknown")], "- - -"),
            // What is marked as secret is not told, and nothing else in its place.
            (&[("!forwarded", "for=1.2.3.4;host=a.b"), ("x-forwarded-for", "6.6.6.6")], "- - -"),
            (&[("!x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")], "- https -"),
            (&[], "-"),
        ] {
            assert_eq!(read(&one, peer, lines), expected, "{lines:?}");
        }
        assert_eq!(
            TrustedProxies::networks(["10.0.0.0/33"]).unwrap_err().to_string(),
            "`10.0.0.0/33` is not a network; write it as `10.0.0.0/8` or `fd00::/8`"
        );
    }

    proptest! {
        /// A proxy adds to the end of what the client has sent, on its line or on one of its own.
        #[test]
        fn what_a_client_writes_is_never_believed(client in "[ -~]{0,40}", own_line in any::<bool>()) {
            let networks = TrustedProxies::networks(["10.0.0.0/8"]).unwrap();
            for trusted in [TrustedProxies::count(1), networks] {
                for (header, own, expected) in [
                    ("forwarded", "for=1.2.3.4;host=real;proto=https", "1.2.3.4 https real"),
                    ("x-forwarded-for", "1.2.3.4", "1.2.3.4 - -"),
                    ("x-forwarded-host", "real", "- - real"),
                    ("x-forwarded-proto", "https", "- https -"),
                ] {
                    let joined = format!("{client}, {own}");
                    let lines: &[_] =
                        if own_line { &[(header, &*client), (header, own)] } else { &[(header, &*joined)] };
                    let read = read(&trusted, "10.0.0.9:1", lines);
                    // An open quote voids all.
                    prop_assert!(read == expected || header == "forwarded" && read == "- - -", "{read}");
                }
            }
        }
    }
}
