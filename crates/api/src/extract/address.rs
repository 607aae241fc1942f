use std::future::{Ready, ready};
use std::sync::Once;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use domain::login_throttle::ClientAddress;

use crate::http::proxies::TrustedProxies;
use crate::response::error::ApiError;

/// The header in which proxies say whom they were called by.
const FORWARDED_FOR: &str = "X-Forwarded-For";

/// Where the caller sits, if that tells one from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) Option<ClientAddress>);

impl FromRequest for Client {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(address(request).and_then(ClientAddress::new))))
    }
}

fn address(request: &HttpRequest) -> Option<std::net::IpAddr> {
    let peer = request.peer_addr()?.ip();
    let headers = request.headers().get_all(FORWARDED_FOR);
    // Several of them are one list; what is no text is nonsense like any other.
    let hops: Vec<&str> = headers.map(|header| header.to_str().unwrap_or("?")).collect();
    let forwarded = (!hops.is_empty()).then(|| hops.join(","));
    let client = request.app_data::<Data<TrustedProxies>>()?.client(peer, forwarded.as_deref());
    if client.is_none() && forwarded.is_some() {
        static TOLD: Once = Once::new();
        TOLD.call_once(|| {
            tracing::warn!(
                proxy = %peer,
                "X-Forwarded-For tells no client; logins are not slowed down by address. \
                 Is the proxy named in HONGYAN_TRUSTED_PROXIES?"
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
        let client = Client::from_request(&request.to_http_request(), &mut Payload::None);
        client.into_inner().unwrap().0.map(|address| address.get().to_string())
    }

    #[test]
    fn the_header_is_believed_of_named_proxies_only() {
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
    fn a_loopback_is_nobody_however_it_is_told() {
        assert_eq!(client("127.0.0.1:1", &[]), None);
        assert_eq!(client("127.0.0.1:1", &["198.51.100.1"]), None);
        assert_eq!(client("[::1]:1", &[]), None);
        assert_eq!(client("10.0.0.1:1", &["127.0.0.1"]), None);
        assert_eq!(client("10.0.0.1:1", &[]), None);
    }
}
