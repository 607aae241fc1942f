//! Foreign origins: refuses what a page of another site may not do (CORS, and cross-site request forgery).
//!
//! Browsers name the page's origin in `Origin`. A preflight and an unsafe request from an origin that is neither this server's own
//! nor listed in `HONGYAN_CORS_ORIGINS` are refused. Safe requests are answered without permission to read the answer.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use crate::http::access_log::RequestRecord;
use crate::http::language::Language;
use crate::response::error::ApiError;
use crate::settings::ApiSettings;

/// The host that a trusted proxy was asked for.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Middleware that refuses foreign origins, outside of the CORS middleware, which answers by itself and in plain text.
pub(crate) async fn refuse_foreign<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let Some(origin) = request.headers().get(ORIGIN) else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if (is_preflight || !request.method().is_safe()) && !is_permitted(origin, request.request()) {
        report(origin);
        let refusal = refusal(request.request());
        return Ok(request.into_response(refusal).map_into_right_body());
    }
    let response = next.call(request).await?;
    if is_preflight && response.status() == StatusCode::BAD_REQUEST {
        let refusal = refusal(response.request());
        return Ok(response.into_response(refusal).map_into_right_body());
    }
    Ok(response.map_into_left_body())
}

fn refusal(request: &HttpRequest) -> HttpResponse {
    let error = ApiError::named("origin_not_allowed");
    if let Some(record) = request.extensions().get::<RequestRecord>() {
        record.set_error(error.name(), None);
    }
    error.response(Language::of(request))
}

/// Whether pages of this origin may call the API.
pub(crate) fn is_permitted(origin: &HeaderValue, request: &HttpRequest) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let Some(settings) = request.app_data::<web::Data<ApiSettings>>() else { return false };
    if settings.cors_origins.iter().any(|listed| listed == origin || listed == ApiSettings::ANY_ORIGIN) {
        return true;
    }
    let by_proxy = request.peer_addr().is_some_and(|peer| settings.trusted_proxies.contains(peer.ip()));
    let own = |name: &HeaderName| is_own(origin, text(request.headers(), name));
    own(&HOST) || (by_proxy && own(&FORWARDED_HOST))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether an origin is that of the host that was asked. A proxy may drop the port of the host.
fn is_own(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let ((name, port), (asked, asked_port)) = (name_and_port(authority), name_and_port(host));
    !name.is_empty()
        && name.eq_ignore_ascii_case(asked)
        && asked_port.is_none_or(|asked| asked == port.unwrap_or(default_port))
}

/// The name and the port of an authority; an IPv6 address keeps its brackets.
fn name_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    }
}

/// Logs each origin once, at most one line per second. In a burst the others wait for their next request.
fn report(origin: &HeaderValue) {
    static REPORTED: Mutex<Reported> = Mutex::new(Reported { origins: BTreeSet::new(), last: None });
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let origin: String = origin.chars().take(Reported::LONGEST).collect();
    let is_new = REPORTED.lock().is_ok_and(|mut reported| reported.admit(&origin, Instant::now()));
    if is_new {
        tracing::warn!(origin, "request refused: the origin is not in HONGYAN_CORS_ORIGINS");
    }
}

/// The origins that were logged.
#[derive(Debug, Default)]
struct Reported {
    origins: BTreeSet<String>,
    last: Option<Instant>,
}

impl Reported {
    /// More than this are forgotten, so that strangers cannot fill the memory.
    const MOST: usize = 256;
    /// Longest part of an origin that is logged.
    const LONGEST: usize = 100;

    fn admit(&mut self, origin: &str, now: Instant) -> bool {
        let is_recent = self.last.is_some_and(|last| now.duration_since(last) < Duration::from_secs(1));
        if is_recent || self.origins.contains(origin) {
            return false;
        }
        if self.origins.len() >= Self::MOST {
            self.origins.clear();
        }
        self.last = Some(now);
        self.origins.insert(origin.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_own_if_it_is_the_host_that_was_asked() {
        for (origin, host) in [
            ("https://chat.example", "chat.example"),
            ("https://Chat.Example", "chat.example:443"),
            ("http://chat.example", "chat.example:80"),
            ("https://chat.example:8443", "chat.example:8443"),
            ("https://chat.example:8443", "chat.example"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://[::1]", "[::1]"),
        ] {
            assert!(is_own(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://evil.example", "chat.example"),
            ("https://chat.example.evil.example", "chat.example"),
            ("https://evil-chat.example", "chat.example"),
            ("http://127.0.0.1:3000", "127.0.0.1:8080"),
            ("http://localhost", "localhost:8080"),
            ("https://chat.example", "chat.example:80"),
            ("null", "null"),
            ("null", ""),
            ("https://", ""),
            ("file://", ""),
            ("http://[::1]:3000", "[::1]:8080"),
        ] {
            assert!(!is_own(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn an_origin_is_logged_once_and_few_are_kept() {
        let (mut reported, begin) = (Reported::default(), Instant::now());
        let at = |second: u64| begin + Duration::from_secs(second);
        assert!(reported.admit("a", at(0)) && !reported.admit("a", at(9)));
        assert!(reported.admit("b", at(9)) && !reported.admit("c", at(9)));
        assert!(reported.admit("c", at(10)), "its line was left out before");
        for number in 0..10_000 {
            reported.admit(&number.to_string(), at(20 + number));
            assert!(reported.origins.len() <= Reported::MOST);
        }
    }
}
