//! The client's network address, used to rate-limit logins.

use std::sync::Once;

use actix_web::HttpRequest;
use actix_web::web::Data;
use domain::login_throttle::ClientAddress;

use crate::http::proxies::TrustedProxies;

/// The header to which each proxy appends the address of its peer.
const FORWARDED_FOR: &str = "X-Forwarded-For";

/// The address of the client; `None` if it does not distinguish clients, such as a loopback address.
pub(crate) fn of(request: &HttpRequest) -> Option<ClientAddress> {
    address(request).and_then(ClientAddress::new)
}

fn address(request: &HttpRequest) -> Option<std::net::IpAddr> {
    let peer = request.peer_addr()?.ip();
    let headers = request.headers().get_all(FORWARDED_FOR);
    // Repeated headers form one list. A value that is not text is as invalid as any other nonsense.
    let hops: Vec<&str> = headers.map(|header| header.to_str().unwrap_or("?")).collect();
    let forwarded = (!hops.is_empty()).then(|| hops.join(","));
    let client = request.app_data::<Data<TrustedProxies>>()?.client(peer, forwarded.as_deref());
    if client.is_none() && forwarded.is_some() {
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            tracing::warn!(
                proxy = %peer,
                "X-Forwarded-For names no client, so logins are not throttled by address; \
                 list the proxy in HONGYAN_TRUSTED_PROXIES"
            );
        });
    }
    client
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(peer: &str, headers: &[&str]) -> Option<String> {
        let trusted: TrustedProxies = "10.0.0.0/8".parse().unwrap();
        let request = TestRequest::default().app_data(Data::new(trusted)).peer_addr(peer.parse().unwrap());
        let request =
            headers.iter().fold(request, |request, value| request.append_header((FORWARDED_FOR, *value)));
        of(&request.to_http_request()).map(|address| address.get().to_string())
    }

    #[test]
    fn the_header_is_trusted_from_listed_proxies_only() {
        assert_eq!(client("192.0.2.7:1", &[]).as_deref(), Some("192.0.2.7"));
        assert_eq!(client("192.0.2.7:1", &["198.51.100.1"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(client("10.0.0.1:1", &["198.51.100.1"]).as_deref(), Some("198.51.100.1"));
        assert_eq!(
            client("10.0.0.1:1", &["198.51.100.1", "203.0.113.5, 10.0.0.2"]).as_deref(),
            Some("203.0.113.5")
        );
        assert_eq!(client("10.0.0.1:1", &["2001:db8::1:2:3:4"]).as_deref(), Some("2001:db8::"));
    }

    #[test]
    fn a_loopback_address_identifies_no_client() {
        assert_eq!(client("127.0.0.1:1", &[]), None);
        assert_eq!(client("127.0.0.1:1", &["198.51.100.1"]), None);
        assert_eq!(client("[::1]:1", &[]), None);
        assert_eq!(client("10.0.0.1:1", &["127.0.0.1"]), None);
        assert_eq!(client("10.0.0.1:1", &[]), None);
    }
}
