//! Serves the OpenAPI document, and the fallback that depends on it.

use std::sync::OnceLock;

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::fallback::KnownPaths;
use crate::openapi;
use crate::response::error::ApiError;

/// What stays in memory of the document. Its tree takes some megabytes, so it is built on first use, once for all threads,
/// and dropped after these are taken from it.
struct Description {
    json: Option<Bytes>,
    known: KnownPaths,
}

fn description() -> &'static Description {
    static DESCRIPTION: OnceLock<Description> = OnceLock::new();
    DESCRIPTION.get_or_init(|| {
        let document = openapi::document();
        let json = document
            .to_json()
            .inspect_err(|error| tracing::error!(%error, "cannot serialise the OpenAPI document"));
        Description { json: json.ok().map(Bytes::from), known: KnownPaths::of(&document) }
    })
}

/// Serves the document as JSON.
pub(crate) async fn openapi_json() -> Result<HttpResponse, ApiError> {
    let json = description().json.clone().ok_or_else(|| ApiError::named("internal_error"))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// The fallback for requests that match no route.
pub(crate) async fn unmatched(request: HttpRequest) -> Result<&'static str, ApiError> {
    Err(description().known.error_for(&request))
}
