//! Free TCP ports below the ephemeral range, so that what restarts can bind its port again.

use std::net::TcpListener;

use anyhow::Context;

/// Addresses on this machine with ports on which nothing listens now.
///
/// # Errors
/// When there are not enough.
pub(crate) fn free_addresses<const COUNT: usize>() -> anyhow::Result<[String; COUNT]> {
    let first = 20_000 + u16::try_from(std::process::id() % 5000).unwrap_or_default() * 2;
    let free = (first..32_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let addresses: Vec<String> = free.take(COUNT).map(|port| format!("127.0.0.1:{port}")).collect();
    addresses.try_into().ok().context("too few ports are free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_in_use_is_passed_over() {
        let [first] = free_addresses().unwrap();
        let _listener = TcpListener::bind(&first).unwrap();
        let addresses: [String; 3] = free_addresses().unwrap();
        assert!(!addresses.contains(&first), "{addresses:?}");
        assert_ne!(addresses[0], addresses[1]);
    }
}
