//! Audit records of requests that were refused because they exceeded a limit.

use actix_web::HttpRequest;
use actix_web::web::Data;
use domain::audit::{AuditEvent, AuditRecord};

use crate::extract::{caller_of, client_address};
use crate::state::UseCases;

/// Records a refusal with the name of its error.
pub(super) fn record(request: &HttpRequest, error: &'static str) {
    let Some(use_cases) = request.app_data::<Data<UseCases>>() else { return };
    let user = caller_of(request).map(|caller| caller.user_id);
    let record = AuditRecord::of(AuditEvent::Refused(error)).from_address(client_address(request));
    use_cases.audit.record(AuditRecord { user, ..record });
}
