//! The API's own description as it is served.

use std::sync::OnceLock;

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::fallback::KnownPaths;
use crate::openapi;
use crate::response::error::ApiError;

/// What is kept of the description. The whole of it, as the tree that it is made as, takes some megabytes, which a server
/// that nobody asks for it does without; so it is made when it is first needed, once for all threads, and let go.
struct Description {
    json: Option<Bytes>,
    known: KnownPaths,
}

fn described() -> &'static Description {
    static DESCRIPTION: OnceLock<Description> = OnceLock::new();
    DESCRIPTION.get_or_init(|| {
        let document = openapi::document();
        let json =
            document.to_json().inspect_err(|error| tracing::error!(%error, "the API cannot be described"));
        Description { json: json.ok().map(Bytes::from), known: KnownPaths::of(&document) }
    })
}

/// The description, as JSON.
pub(crate) async fn openapi_json() -> Result<HttpResponse, ApiError> {
    let json = described().json.clone().ok_or_else(|| ApiError::named("internal_error"))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Answers whatever no route takes.
pub(crate) async fn refuse(request: HttpRequest) -> Result<&'static str, ApiError> {
    Err(described().known.refuse(&request))
}
