//! Networks, as those who trust them write them.

use std::fmt;
use std::net::IpAddr;

/// The addresses that begin with the same bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    pub(super) fn parse(network: &str) -> Result<Self, InvalidNetwork> {
        Self::read(network).ok_or_else(|| InvalidNetwork { network: network.to_owned() })
    }

    fn read(network: &str) -> Option<Self> {
        let (address, prefix) = match network.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (network.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        // As addresses are compared: an IPv4 address inside of an IPv6 one is an IPv4 address.
        let (address, prefix, bits) = match address.to_canonical() {
            mapped if address.is_ipv6() && mapped.is_ipv4() && prefix >= 96 => {
                (mapped, prefix - 96, 32)
            }
            _ => (address, prefix, bits),
        };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                (u32::from(own) ^ u32::from(ip)).checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                (u128::from(own) ^ u128::from(ip)).checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The error of [`TrustedProxies::networks`](crate::TrustedProxies::networks).
///
/// ```
/// let error = logfire_rs_core::TrustedProxies::networks(["my-proxy"]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`my-proxy` is not a network; write it as `10.0.0.0/8` or `fd00::/8`",
/// );
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct InvalidNetwork {
    network: String,
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a network; write it as `10.0.0.0/8` or `fd00::/8`", self.network)
    }
}

/// What `main` prints of an error that it returns is this: the text, for people.
impl fmt::Debug for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InvalidNetwork {}
