//! Account export: everything the server holds about the caller as one JSON document.
//!
//! The response is streamed while the account is read: `stream` applies backpressure, `json` writes the document.

pub(super) mod items;
mod json;
mod stream;

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::{HttpResponse, get, web};

use crate::extract::AuthUser;
use crate::http::language::Language;
use crate::response::envelope::Data;
use crate::response::error::ApiError;
use crate::rest::export::items::ExportDocument;
use crate::state::UseCases;

/// Everything the server holds about the caller, as a consistent snapshot. The response is streamed; if the connection closes
/// early, it is incomplete.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<ExportDocument>)), security(("token" = [])))]
#[get("/api/auth/me/export")]
pub(crate) async fn export(
    caller: AuthUser,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<HttpResponse, ApiError> {
    let reader = use_cases.exports.open(caller.id()).await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"hongyan-export.json\""))
        .streaming(stream::start(reader, language)))
}
