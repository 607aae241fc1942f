//! The last hand on every answer: errors are put into the reader's language and noted, a panic
//! fails its own request alone, and while the instance is about to stop the connection is closed behind the answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;

use crate::error::ApiError;
use crate::headers;
use crate::health::ReadinessProbe;
use crate::journal::Entry;
use crate::language::Language;

/// Calls the route and finishes its answer.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let language = Language::of(&request);
    let is_page = headers::is_page(request.path());
    let entry = request.extensions().get::<Entry>().cloned();
    let note = |error: &ApiError| {
        if let Some(entry) = &entry {
            entry.refuse(error.name(), error.cause_for_log());
        }
    };
    let called = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let mut response = match called {
        Ok(response) => response?,
        Err(_) => {
            let error = ApiError::internal("the handler panicked");
            note(&error);
            return Err(error.into());
        }
    };
    if is_page {
        headers::permit_page(response.headers_mut());
    }
    let Some(error) = response.response().error().and_then(|error| error.as_error::<ApiError>()) else {
        return Ok(response.map_into_left_body());
    };
    note(error);
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

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    #[actix_web::test]
    #[allow(clippy::panic, reason = "the panic is what is tried")]
    async fn a_panic_fails_its_own_request_alone_and_wears_the_headers_of_every_answer() {
        async fn panics() -> HttpResponse {
            panic!("on purpose")
        }
        let app = App::new()
            .route("/panic", web::get().to(panics))
            .route("/well", web::get().to(HttpResponse::Ok))
            .wrap(from_fn(finish))
            .wrap(headers::everywhere());
        let service = init_service(app).await;
        for _ in 0..3 {
            let request = TestRequest::get().uri("/panic").to_request();
            let error = try_call_service(&service, request).await.unwrap_err();
            let answer = error.error_response();
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(answer.headers().get(CACHE_CONTROL).unwrap(), "no-store");
            assert_eq!(answer.headers().get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        }
        let request = TestRequest::get().uri("/well").to_request();
        assert_eq!(try_call_service(&service, request).await.unwrap().status(), StatusCode::OK);
    }
}
