//! Error rendering, request timeout and panic isolation, as one middleware.
//!
//! Errors are rendered in the client's language and recorded for the access log. A panic fails only its own request.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use futures_util::FutureExt;

use crate::http::access_log::RequestRecord;
use crate::http::deadline::{Deadline, Unanswered};
use crate::http::language::Language;
use crate::http::security_headers;
use crate::response::error::ApiError;

/// Middleware that calls the route, catches panics and timeouts, and renders errors.
pub(crate) async fn render_errors<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let language = Language::of(request.request());
    let is_page = security_headers::is_page(request.path());
    let record = request.extensions().get::<RequestRecord>().cloned();
    let record_error = |error: &ApiError| {
        if let Some(record) = &record {
            record.set_error(error.name(), error.cause_for_log());
        }
    };
    let called = AssertUnwindSafe(Deadline::of(&request).keep(next.call(request))).catch_unwind().await;
    let mut response = match called {
        Ok(Ok(response)) => response?,
        Ok(Err(Unanswered(after))) => {
            let error = ApiError::timed_out(after);
            record_error(&error);
            return Err(error.into());
        }
        Err(_) => {
            let error = ApiError::internal("the handler panicked");
            record_error(&error);
            return Err(error.into());
        }
    };
    if is_page {
        security_headers::permit_page(response.headers_mut());
    }
    let error = response.response().error().and_then(|error| error.as_error::<ApiError>());
    // A library answers by itself, without our envelope, such as for a file of the documentation that does not exist.
    let foreign = match response.status() {
        _ if error.is_some() => None,
        StatusCode::NOT_FOUND => Some(ApiError::named("unknown_route")),
        status if status.is_server_error() => Some(ApiError::internal("a library answered with an error")),
        _ => None,
    };
    let Some(error) = error.or(foreign.as_ref()) else {
        return Ok(response.map_into_left_body());
    };
    record_error(error);
    let rendered = error.response(language);
    Ok(response.into_response(rendered).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;
    use crate::http::access_log::{CompletedRequest, REQUEST_ID, RequestObserver, log_request};

    /// Counts internal errors.
    struct FaultCounter(Arc<AtomicUsize>);

    impl RequestObserver for FaultCounter {
        fn on_response(&self, request: &CompletedRequest<'_>) {
            let is_fault = (request.error, request.status) == (Some("internal_error"), "500");
            self.0.fetch_add(usize::from(is_fault), Ordering::Relaxed);
        }
    }

    #[actix_web::test]
    async fn a_panic_fails_only_its_own_request_and_has_the_usual_headers() {
        async fn panics() -> HttpResponse {
            panic!("on purpose")
        }
        let panics_seen = Arc::new(AtomicUsize::new(0));
        let observer: Arc<dyn RequestObserver> = Arc::new(FaultCounter(Arc::clone(&panics_seen)));
        let app = App::new()
            .route("/panic", web::get().to(panics))
            .route("/well", web::get().to(HttpResponse::Ok))
            .app_data(web::Data::new(Arc::clone(&observer)))
            .wrap(from_fn(render_errors))
            .wrap(security_headers::security_headers())
            .wrap(from_fn(log_request));
        let service = init_service(app).await;
        for number in 0..100 {
            let request = TestRequest::get().uri("/panic");
            let request = request.insert_header((REQUEST_ID, format!("panic-{number}"))).to_request();
            let error = try_call_service(&service, request).await.unwrap_err();
            let response = error.error_response();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers().get(REQUEST_ID).unwrap(), &format!("panic-{number}"));
            assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
            assert_eq!(response.headers().get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        }
        let request = TestRequest::get().uri("/well").to_request();
        assert_eq!(try_call_service(&service, request).await.unwrap().status(), StatusCode::OK);
        assert_eq!(panics_seen.load(Ordering::Relaxed), 100);
    }
}
