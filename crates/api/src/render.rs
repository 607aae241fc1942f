//! The last hand on every answer: errors are put into the reader's language, faults of ours are logged once, and a
//! panic fails its own request alone.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};
use futures_util::FutureExt;

use crate::error::ApiError;
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

/// Says what went wrong on our side; the request id is in the span.
fn log(error: &ApiError) {
    if let Some(cause) = error.cause_for_log() {
        let status = error.status_code().as_u16();
        tracing::error!(error = error.name(), status, cause, "a request failed on our side");
    }
}
