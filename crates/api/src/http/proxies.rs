//! Trusted proxies: finds the client's address in `X-Forwarded-For`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// The text is neither an IP address nor a network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an IP address or a network such as 10.0.0.0/8")
    }
}

impl std::error::Error for InvalidNetwork {}

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    /// Parses one address or network.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        Ok(Self(vec![parse_network(text.trim())?]))
    }
}

impl Extend<TrustedProxies> for TrustedProxies {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, more: T) {
        self.0.extend(more.into_iter().flat_map(|proxies| proxies.0));
    }
}

impl TrustedProxies {
    /// Whether every address of a protocol counts as a proxy, so that a client can name any address as its own.
    #[must_use]
    pub fn trusts_everyone(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network_contains(network, address))
    }

    /// The client's address, from the socket's peer and the `X-Forwarded-For` header.
    ///
    /// `None` if it cannot be determined: behind a trusted proxy without a valid header, or behind a proxy that is not listed.
    /// A peer that is not listed counts as a proxy if it sends the header from a private address; from a public address it
    /// counts as a client that forges the header.
    pub(crate) fn client(&self, peer: IpAddr, forwarded: Option<&str>) -> Option<IpAddr> {
        if !self.contains(peer) {
            return (forwarded.is_none() || !is_private(peer)).then_some(peer);
        }
        // Each proxy appends its peer, so only the part after the last untrusted hop is reliable.
        for hop in forwarded?.rsplit(',') {
            let hop = parse_hop(hop.trim())?;
            if !self.contains(hop) {
                return Some(hop);
            }
        }
        None
    }
}

fn parse_network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
    network.map_err(|_| InvalidNetwork)
}

/// Compares IPv4 and IPv4-mapped IPv6 addresses as equals.
fn network_contains(network: &IpNet, address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            network.contains(&IpAddr::V4(address)) || network.contains(&IpAddr::V6(address.to_ipv6_mapped()))
        }
        address @ IpAddr::V6(_) => network.contains(&address),
    }
}

/// The address of a hop; some proxies append a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.split_once(']')).map_or(hop, |(address, _)| address);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|socket: SocketAddr| socket.ip()))
}

/// Whether the address belongs to a private, shared, link-local or loopback network.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let shared = matches!(address.octets(), [100, 64..=127, ..]);
            shared || address.is_private() || address.is_link_local() || address.is_loopback()
        }
        IpAddr::V6(address) => {
            address.is_unique_local() || address.is_unicast_link_local() || address.is_loopback()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(list: &[&str]) -> TrustedProxies {
        let mut proxies = TrustedProxies::default();
        proxies.extend(list.iter().map(|text| text.parse::<TrustedProxies>().unwrap()));
        proxies
    }

    fn client(trusted: &[&str], peer: &str, forwarded: Option<&str>) -> Option<String> {
        proxies(trusted).client(peer.parse().unwrap(), forwarded).map(|address| address.to_string())
    }

    #[test]
    fn a_network_is_an_address_or_a_cidr_block() {
        for (network, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.128/25", "192.0.2.129", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("0.0.0.0/0", "192.0.2.7", "2001:db8::1"),
            ("0.0.0.0/0", "::ffff:192.0.2.7", "2001:db8::1"),
            ("::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.1"),
        ] {
            let proxies = proxies(&[network]);
            assert!(proxies.contains(inside.parse().unwrap()), "{inside}");
            assert!(!proxies.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(proxies(&["::/0"]).contains("192.0.2.7".parse().unwrap()));
        for text in
            ["", "x", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "*"]
        {
            assert_eq!(text.parse::<TrustedProxies>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn a_direct_client_is_known_by_its_socket_address() {
        for forwarded in [None, Some("198.51.100.1"), Some("10.0.0.1, 127.0.0.1"), Some("")] {
            assert_eq!(client(&[], "192.0.2.7", forwarded).as_deref(), Some("192.0.2.7"));
            assert_eq!(client(&["10.0.0.0/8"], "192.0.2.7", forwarded).as_deref(), Some("192.0.2.7"));
        }
        assert_eq!(client(&[], "10.0.0.1", None).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_untrusted_hop_counts() {
        let trusted = &["10.0.0.0/8", "2001:db8::/32"];
        for (forwarded, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
            ("1.1.1.1,192.0.2.7 , 10.0.0.9,2001:db8::5", "192.0.2.7"),
            ("nonsense, 192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db9::1]:4711", "2001:db9::1"),
            ("[2001:db9::1]", "2001:db9::1"),
            ("2001:db9::1", "2001:db9::1"),
        ] {
            assert_eq!(client(trusted, "10.0.0.1", Some(forwarded)).as_deref(), Some(address), "{forwarded}");
        }
        assert_eq!(client(trusted, "::ffff:10.0.0.1", Some("192.0.2.7")).as_deref(), Some("192.0.2.7"));
    }

    #[test]
    fn an_unverifiable_client_has_no_address() {
        for forwarded in
            [None, Some(""), Some("unknown"), Some("192.0.2.7, unknown"), Some("10.0.0.2, 10.0.0.3")]
        {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", forwarded), None, "{forwarded:?}");
        }
        for proxy in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.0.1",
            "fd00::1",
            "fe80::1",
            "127.0.0.1",
        ] {
            assert_eq!(client(&[], proxy, Some("192.0.2.7")), None, "{proxy} is an unlisted proxy");
        }
    }
}
