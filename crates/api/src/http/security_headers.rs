//! What every answer tells browsers: to keep it nowhere, to take it for what it says it is, and to run and frame nothing.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Where the page to try every call lives.
const PAGE: &str = "/docs";

/// An answer of the API is data: there is nothing in it to run or to load.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The page runs its own scripts and calls this server, nothing else. It styles itself as it goes and draws its icons from
/// `data:`.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The headers of every answer. `Cross-Origin-Resource-Policy` keeps other sites from loading answers as scripts or
/// pictures; callers from the listed origins use CORS, which it does not concern.
const EVERYWHERE: [(HeaderName, HeaderValue); 6] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, DATA_POLICY),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// Adds them to each answer that does not say otherwise.
pub(crate) fn security_headers() -> DefaultHeaders {
    EVERYWHERE.into_iter().fold(DefaultHeaders::new(), |headers, header| headers.add(header))
}

/// Adds them to an answer that no middleware will see.
pub(crate) fn add_to(headers: &mut HeaderMap) {
    for (name, value) in EVERYWHERE {
        headers.insert(name, value);
    }
}

/// Whether a path is one of the page's.
pub(crate) fn is_page(path: &str) -> bool {
    path.strip_prefix(PAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Says what the page may do.
pub(crate) fn permit_page(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_is_permitted_to_run_anything() {
        for path in ["/docs", "/docs/", "/docs/index.html"] {
            assert!(is_page(path), "{path}");
        }
        for path in ["/", "/docsx", "/api/docs", "/api/openapi.json", "/api/auth/me"] {
            assert!(!is_page(path), "{path}");
        }
    }
}
