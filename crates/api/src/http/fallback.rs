//! Requests that no route takes: an unknown path, or a known one with a method that it does not have.

use actix_web::HttpRequest;
use actix_web::dev::ResourceDef;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use crate::response::error::ApiError;

/// The methods of every documented path.
pub(crate) struct KnownPaths(Vec<(ResourceDef, String)>);

impl KnownPaths {
    /// Reads them off the API's own description, so that the two cannot differ.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item).join(", "))).collect())
    }

    /// What to say of a request that no route took.
    pub(crate) fn refuse(&self, request: &HttpRequest) -> ApiError {
        let known = self.0.iter().find(|(pattern, _)| pattern.is_match(request.path()));
        known.map_or_else(
            || ApiError::named("unknown_route"),
            |(_, methods)| ApiError::method_not_allowed(methods.clone()),
        )
    }
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let has = [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    has.into_iter().filter(|(_, has)| *has).map(|(method, _)| method).collect()
}
