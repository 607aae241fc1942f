//! Account export: everything the server holds about the caller as one JSON document.
//!
//! The response is streamed while the account is read: `json` writes the document, `spool` holds what the client has not taken yet.

pub(super) mod items;
mod json;
mod spool;
mod stream;

use std::convert::Infallible;

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use domain::audit::{AuditEvent, AuditRecord};
use futures_util::stream::empty;

use crate::admission::Bulkheads;
use crate::extract::UncountedCaller;
use crate::http::head_method::HeadOnly;
use crate::http::language::Language;
use crate::response::envelope::Data;
use crate::response::error::ApiError;
use crate::rest::export::items::ExportDocument;
use crate::rest::export::stream::RunningExport;
use crate::state::UseCases;

/// Export the account.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<ExportDocument>)), security(("token" = [])),
    extensions(("x-errors" = json!(["export_in_progress", "export_quota_used_up"]))))]
#[get("/api/auth/me/export")]
pub(crate) async fn export_account(
    caller: UncountedCaller,
    use_cases: web::Data<UseCases>,
    admission: web::Data<Bulkheads>,
    language: Language,
    head_only: HeadOnly,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    response
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"hongyan-export.json\""));
    if head_only.0 {
        return Ok(response.streaming(empty::<Result<Bytes, Infallible>>()));
    }
    let pass = admission.export(caller.id()).await?;
    let reader = use_cases.exports.open(caller.id()).await?;
    let started = AuditRecord::of(AuditEvent::ExportStarted).account(caller.id());
    use_cases.audit.record(started.in_session(caller.0.session_id));
    Ok(response.streaming(stream::start(RunningExport { reader, pass }, language)))
}
