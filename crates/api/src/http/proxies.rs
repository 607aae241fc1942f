//! Who a request comes from when proxies stand in between.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Addresses with a common beginning, written as `10.0.0.0/8`, or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

/// The text is neither an address nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an address or a network such as 10.0.0.0/8")
    }
}

impl std::error::Error for InvalidNetwork {}

/// An address as 128 bits; one of IPv4 is mapped into IPv6.
const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(one, two)| (one, Some(two)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let (longest, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix = match prefix {
            // `+8` would be a number as well.
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse::<u32>().map_err(|_| InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
            None => longest,
        };
        if prefix > longest { Err(InvalidNetwork) } else { Ok(Self { address, prefix: prefix + offset }) }
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let differing = bits(self.address) ^ bits(address);
        differing.leading_zeros() >= self.prefix
    }
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    /// Reads one address or network.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        Ok(Self(vec![text.trim().parse()?]))
    }
}

impl Extend<TrustedProxies> for TrustedProxies {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, more: T) {
        self.0.extend(more.into_iter().flat_map(|proxies| proxies.0));
    }
}

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The address of the client, given who holds the other end of the connection and what the header says, if it came.
    ///
    /// None when nobody can tell: behind a proxy that says nothing or nonsense, and behind one that is not named. Such a
    /// one is taken for a proxy when it has a private address and sends the header; a public one that sends it is a client
    /// who makes things up.
    pub(crate) fn client(&self, peer: IpAddr, forwarded: Option<&str>) -> Option<IpAddr> {
        if !self.trust(peer) {
            return (forwarded.is_none() || !is_private(peer)).then_some(peer);
        }
        // Each proxy adds at the end whom it was called by, so that what stands before a stranger is the stranger's word.
        for hop in forwarded?.rsplit(',') {
            let hop = address_of(hop.trim())?;
            if !self.trust(hop) {
                return Some(hop);
            }
        }
        None
    }
}

/// The address of a hop, which some proxies write with a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.split_once(']')).map_or(hop, |(address, _)| address);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()))
}

/// Whether the address is of a network of somebody's own.
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
    fn a_network_is_an_address_or_its_beginning() {
        for (network, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.128/25", "192.0.2.129", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{outside}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(
            all.contains("192.0.2.7".parse().unwrap()) && all.contains("::ffff:192.0.2.7".parse().unwrap())
        );
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
        for text in
            ["", "x", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "*"]
        {
            assert_eq!(text.parse::<TrustedProxies>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn a_direct_caller_who_sends_the_header_is_known_by_the_socket() {
        for forwarded in [None, Some("198.51.100.1"), Some("10.0.0.1, 127.0.0.1"), Some("")] {
            assert_eq!(client(&[], "192.0.2.7", forwarded).as_deref(), Some("192.0.2.7"));
            assert_eq!(client(&["10.0.0.0/8"], "192.0.2.7", forwarded).as_deref(), Some("192.0.2.7"));
        }
        assert_eq!(client(&[], "10.0.0.1", None).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn behind_named_proxies_the_right_most_stranger_counts() {
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
    fn where_nobody_can_tell_nobody_is_named() {
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
            assert_eq!(client(&[], proxy, Some("192.0.2.7")), None, "{proxy} is a proxy that nobody named");
        }
    }
}
