//! The web client's page and files: static assets with conditional requests, and immutable under their version.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETag, HeaderName, HeaderValue,
};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use web_client::{EmbeddedFile, FILES, ICON, PAGE};

use crate::http::conditional;

/// The paths of the client, beside `/`.
pub(crate) const PATHS: [&str; 5] =
    ["/web/app.js", "/web/app.css", "/web/icon.svg", "/web/manifest.webmanifest", "/favicon.ico"];

/// The policy of the page: it runs its own script, calls this server only, and turns no text into markup.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Asks the server before each use of a stored copy.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Registers `/`, the files and the icon that browsers ask for.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/").guard(guard::Get()).to(page));
    for file in FILES {
        let answer = move |request: HttpRequest| async move { asset(&request, file) };
        config.service(web::resource(file.path).guard(guard::Get()).to(answer));
    }
    let icon = |request: HttpRequest| async move { asset(&request, ICON) };
    config.service(web::resource("/favicon.ico").guard(guard::Get()).to(icon));
}

async fn page(request: HttpRequest) -> HttpResponse {
    let mut response = unless_held(&request, PAGE.as_bytes(), "text/html; charset=utf-8", REVALIDATED);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A file. Under another version than the present one it is served all the same, so that pages of two versions behind one proxy
/// find it, but it is not kept.
fn asset(request: &HttpRequest, file: EmbeddedFile) -> HttpResponse {
    let is_present = request.query_string().strip_prefix("v=").is_some_and(|v| v == file.version());
    let caching = if is_present { IMMUTABLE } else { REVALIDATED };
    unless_held(request, file.content, file.media_type, caching)
}

/// The content, or 304 if the client holds it.
fn unless_held(
    request: &HttpRequest,
    content: &'static [u8],
    media_type: &'static str,
    caching: HeaderValue,
) -> HttpResponse {
    let tag = conditional::tag(content);
    let is_held = conditional::matches(request, &tag);
    let mut response = if is_held { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(ETag(tag)).insert_header((CACHE_CONTROL, caching));
    if is_held {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, media_type)).body(content)
}
