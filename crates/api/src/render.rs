//! The last hand on every answer: errors are put into the reader's language, faults of ours are logged once, a panic
//! fails its own request alone, and while the instance is about to stop the connection is closed behind the answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};
use futures_util::FutureExt;

use crate::error::ApiError;
use crate::health::ReadinessProbe;
use crate::language::Language;

/// Calls the route and finishes its answer.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let language = Language::of(&request);
    let called = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let response = match called {
        Ok(response) => response?,
        Err(_) => {
            let error = ApiError::internal("the handler panicked");
            log(&error);
            return Err(error.into());
        }
    };
    let Some(error) = response.response().error().and_then(|error| error.as_error::<ApiError>()) else {
        return Ok(response.map_into_left_body());
    };
    log(error);
    let answer = error.response(language);
    Ok(response.into_response(answer).map_into_right_body())
}

/// Closes the connection behind the answer while the instance is about to stop. A client that kept it would send its next
/// request into a connection that is just being closed.
pub(crate) async fn close_when_stopping<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let probe = request.app_data::<web::Data<Arc<dyn ReadinessProbe>>>().cloned();
    let mut response = next.call(request).await?;
    // Asked after the work: it may have begun to stop meanwhile.
    if probe.is_some_and(|probe| probe.is_stopping()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Says what went wrong on our side; the request id is in the span.
fn log(error: &ApiError) {
    if let Some(cause) = error.cause_for_log() {
        let status = error.status_code().as_u16();
        tracing::error!(error = error.name(), status, cause, "a request failed on our side");
    }
}
