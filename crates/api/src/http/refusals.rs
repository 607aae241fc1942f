//! Middleware: audit records of requests that were refused because they exceeded a limit.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use domain::audit::{AuditEvent, AuditRecord};

use super::access_log::RequestRecord;
use crate::extract::{caller_of, client_address};
use crate::state::UseCases;

/// Records every 429 with the name of its error.
pub(crate) async fn record_refusals<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        let recorded = response.request().extensions().get::<RequestRecord>().and_then(RequestRecord::error);
        if let Some(error) = recorded {
            record(response.request(), error);
        }
    }
    Ok(response)
}

fn record(request: &HttpRequest, error: &'static str) {
    let Some(use_cases) = request.app_data::<Data<UseCases>>() else { return };
    let user = caller_of(request).map(|caller| caller.user_id);
    let record = AuditRecord::of(AuditEvent::Refused(error)).from_address(client_address(request));
    use_cases.audit.record(AuditRecord { user, ..record });
}
