//! The documentation page: Swagger UI with a configuration of its own, and assets that browsers keep.
//!
//! Assets are named by a hash of all of them: `/docs/<hash>/<file>` is `immutable`. Under any other hash, as during a rolling restart,
//! the same file is served without that promise.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, Responder, guard};
use foldhash::quality::FixedState;
use utoipa_swagger_ui::Config;

use crate::response::error::ApiError;

const PAGE: &str = include_str!("../docs_page/index.html");
const MANUAL: &str = include_str!("../../../../docs/API.md");

/// The names of all assets.
const ASSETS: [&str; 5] = ["icon.svg", "page.css", "page.js", "swagger-ui.css", "swagger-ui-bundle.js"];

/// Registers the page, its assets and the manual.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let get = |path: &str| web::resource(path.to_owned()).guard(guard::Get());
    config
        .service(get("/").to(|| std::future::ready(redirect("/docs"))))
        .service(get("/docs").to(|| std::future::ready(redirect("/docs/"))))
        .service(get("/docs/").to(page))
        .service(get("/docs/index.html").to(page))
        .service(get("/docs/api.md").to(manual))
        .service(get("/docs/{hash}/{file}").to(asset));
}

fn redirect(target: &'static str) -> impl Responder {
    web::Redirect::to(target)
}

async fn page() -> HttpResponse {
    static FILLED: OnceLock<String> = OnceLock::new();
    let page = FILLED.get_or_init(|| PAGE.replace("{assets}", &format!("./{}", hash())));
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::html()).body(page.as_str())
}

async fn manual() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::plaintext()).body(MANUAL)
}

async fn asset(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let part = |name: &str| request.match_info().get(name).unwrap_or_default();
    let (content_type, bytes) = file(part("file")).ok_or_else(|| ApiError::named("unknown_route"))?;
    let caching = if part("hash") == hash() { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header((CACHE_CONTROL, caching)).content_type(content_type).body(bytes))
}

/// The type and the content of an asset.
fn file(name: &str) -> Option<(&'static str, Bytes)> {
    const STYLE: &str = "text/css; charset=utf-8";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    match name {
        "icon.svg" => Some(("image/svg+xml", Bytes::from_static(include_bytes!("../docs_page/icon.svg")))),
        "page.css" => Some((STYLE, Bytes::from_static(include_bytes!("../docs_page/page.css")))),
        "page.js" => Some((SCRIPT, Bytes::from_static(include_bytes!("../docs_page/page.js")))),
        "swagger-ui.css" => Some((STYLE, vendored(name)?)),
        "swagger-ui-bundle.js" => Some((SCRIPT, vendored(name)?)),
        _ => None,
    }
}

/// A file of Swagger UI.
fn vendored(name: &str) -> Option<Bytes> {
    let found = utoipa_swagger_ui::serve(name, Arc::new(Config::from(""))).ok().flatten()?;
    Some(match found.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

/// The hash of all assets.
fn hash() -> &'static str {
    const SEED: u64 = 0x6865_5b0c_f00d_9e8d;
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let contents = ASSETS.map(|name| file(name).map(|(_, bytes)| bytes).unwrap_or_default());
        format!("{:016x}", FixedState::with_seed(SEED).hash_one(contents))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_exists_and_the_page_uses_each() {
        for name in ASSETS {
            assert!(!file(name).unwrap().1.is_empty(), "{name}");
            assert!(PAGE.contains(&format!("{{assets}}/{name}\"")), "{name}");
        }
        assert_eq!(hash().len(), 16);
    }
}
