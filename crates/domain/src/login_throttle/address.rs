//! Client addresses, as rate limits count them.

use std::net::IpAddr;

/// A client's network address: an IPv4 address, or the /64 of an IPv6 address, which one customer controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The throttled address; `None` for loopback and unspecified addresses, which do not distinguish clients.
    #[must_use]
    pub fn new(address: IpAddr) -> Option<Self> {
        const PREFIX_64: u128 = !0 << 64;
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        Some(Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & PREFIX_64).into()),
        }))
    }

    /// The address, or the first address of the /64.
    #[must_use]
    pub const fn get(self) -> IpAddr {
        self.0
    }
}
