//! The fallback for unmatched requests: 404 for an unknown path, 405 for a known path with another method.

use actix_web::dev::ResourceDef;
use actix_web::{HttpRequest, web};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use crate::http::{security_headers, web_page};
use crate::response::error::ApiError;
use crate::settings::ApiSettings;

/// The paths that are served beside the documented ones.
const PAGES: &[&str] = &[
    "/",
    "/docs",
    "/docs/",
    "/docs/index.html",
    "/docs/api.md",
    "/docs/{hash}/{file}",
    "/api/openapi.json",
    "/api/asyncapi.json",
    "/api/auth/socket",
];

/// The methods of every path.
pub(crate) struct KnownPaths(Vec<(ResourceDef, String)>);

impl KnownPaths {
    /// Reads the paths from the OpenAPI document, so that the two cannot differ.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        let documented =
            paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item).join(", ")));
        let pages = PAGES
            .iter()
            .chain(&web_page::PATHS)
            .map(|path| (ResourceDef::new(*path), "GET, HEAD".to_owned()));
        Self(documented.chain(pages).collect())
    }

    /// The error for a request that matched no route.
    pub(crate) fn error_for(&self, request: &HttpRequest) -> ApiError {
        let path = request.path();
        let settings = request.app_data::<web::Data<ApiSettings>>();
        let is_left_out = settings.is_some_and(|settings| is_left_out(path, settings));
        let known = self.0.iter().find(|(pattern, _)| !is_left_out && pattern.is_match(path));
        known.map_or_else(
            || ApiError::named("unknown_route"),
            |(_, methods)| ApiError::method_not_allowed(methods.clone()),
        )
    }
}

/// Whether the path belongs to a page that a setting leaves out. `/` is the web client's, and leads to the documentation without it.
fn is_left_out(path: &str, settings: &ApiSettings) -> bool {
    let (without_docs, without_web) = (settings.without_docs, settings.without_web);
    (path == "/" && without_docs && without_web)
        || (security_headers::is_page(path) && without_docs)
        || (web_page::PATHS.contains(&path) && without_web)
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let has = [
        ("GET", item.get.is_some()),
        ("HEAD", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    has.into_iter().filter(|(_, has)| *has).map(|(method, _)| method).collect()
}
