//! Security headers of every response: no caching, no content sniffing, no scripts, no frames, no referrer.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The path of the Swagger UI page.
const PAGE: &str = "/docs";

/// The policy of API responses: they are data, with nothing to run or to load.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The policy of the Swagger UI page: it runs its own scripts and calls this server only. It sets inline styles and draws
/// its icons from `data:`.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The headers of every response. `Cross-Origin-Resource-Policy` keeps other sites from loading responses as scripts or
/// images; it does not affect CORS requests from the allowed origins.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, DATA_POLICY),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// Middleware that adds the headers to every response that does not set them itself.
pub(crate) fn security_headers() -> DefaultHeaders {
    HEADERS.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add)
}

/// Adds the headers to a response that bypasses the middleware.
pub(crate) fn add_to(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
}

/// Whether the path belongs to the Swagger UI page.
pub(crate) fn is_page(path: &str) -> bool {
    path.strip_prefix(PAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Replaces the policy of API responses with that of the Swagger UI page.
pub(crate) fn permit_page(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_swagger_page_may_run_scripts() {
        for path in ["/docs", "/docs/", "/docs/index.html"] {
            assert!(is_page(path), "{path}");
        }
        for path in ["/", "/docsx", "/api/docs", "/api/openapi.json", "/api/auth/me"] {
            assert!(!is_page(path), "{path}");
        }
    }
}
