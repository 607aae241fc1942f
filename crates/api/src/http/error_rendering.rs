//! The last hand on every answer: errors are put into the reader's language and noted, a panic
//! fails its own request alone, and while the instance is about to stop the connection is closed behind the answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::rt::time::timeout;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;

use crate::extract::MAX_BODY;
use crate::http::access_log::Entry;
use crate::http::health::ReadinessProbe;
use crate::http::language::Language;
use crate::http::security_headers;
use crate::response::error::ApiError;

/// How long anybody waits for an answer. What takes longer waits for something that does not come, such as a database that
/// stands still; its work may yet be done.
const DEADLINE: Duration = Duration::from_secs(20);

/// Calls the route and finishes its answer.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let language = Language::of(&request);
    let is_page = security_headers::is_page(request.path());
    let entry = request.extensions().get::<Entry>().cloned();
    let note = |error: &ApiError| {
        if let Some(entry) = &entry {
            entry.refuse(error.name(), error.cause_for_log());
        }
    };
    let called = AssertUnwindSafe(timeout(DEADLINE, next.call(request))).catch_unwind().await;
    let mut response = match called {
        Ok(Ok(response)) => response?,
        Ok(Err(_)) => {
            let error = ApiError::overdue(DEADLINE);
            note(&error);
            return Err(error.into());
        }
        Err(_) => {
            let error = ApiError::internal("the handler panicked");
            note(&error);
            return Err(error.into());
        }
    };
    if is_page {
        security_headers::permit_page(response.headers_mut());
    }
    let Some(error) = response.response().error().and_then(|error| error.as_error::<ApiError>()) else {
        return Ok(response.map_into_left_body());
    };
    note(error);
    let answer = error.response(language);
    Ok(response.into_response(answer).map_into_right_body())
}

/// Closes the connection behind the answer while the instance takes its leave, or where a body may still be coming that
/// nobody wants. A client that kept the connection would send its next request into one that is just being closed; and
/// actix would read such a body to its end, however long it is. For a chunked one this takes more: see `unread`.
pub(crate) async fn close_behind<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let probe = request.app_data::<web::Data<Arc<dyn ReadinessProbe>>>().cloned();
    let may_send_on = may_be_endless(request.headers());
    let mut response = next.call(request).await?;
    // Asked after the work: it may have begun meanwhile.
    if may_send_on || probe.is_some_and(|probe| probe.takes_leave()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Whether the body is longer than any that is read, or of a length that is not told.
fn may_be_endless(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<usize>().ok());
    headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length.is_none_or(|length| length > MAX_BODY))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::http::StatusCode;
    use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;
    use crate::http::access_log::{CompletedRequest, REQUEST_ID, RequestObserver, note};

    /// Counts the faults of ours.
    struct Counting(Arc<AtomicUsize>);

    impl RequestObserver for Counting {
        fn on_response(&self, answer: &CompletedRequest<'_>) {
            let is_fault = (answer.error, answer.status) == (Some("internal_error"), "500");
            self.0.fetch_add(usize::from(is_fault), Ordering::Relaxed);
        }
    }

    #[test]
    fn only_a_body_that_may_be_endless_costs_the_connection() {
        for (name, value, endless) in [
            (CONTENT_LENGTH, "0", false),
            (CONTENT_LENGTH, "65536", false),
            (CONTENT_LENGTH, "65537", true),
            (CONTENT_LENGTH, "99999999999999999999999999", true),
            (TRANSFER_ENCODING, "chunked", true),
        ] {
            let request = TestRequest::get().insert_header((name, value)).to_srv_request();
            assert_eq!(may_be_endless(request.headers()), endless, "{value}");
        }
        assert!(!may_be_endless(TestRequest::get().to_srv_request().headers()));
    }

    #[actix_web::test]
    #[allow(clippy::panic, reason = "the panic is what is tried")]
    async fn a_panic_fails_its_own_request_alone_and_wears_the_headers_of_every_answer() {
        async fn panics() -> HttpResponse {
            panic!("on purpose")
        }
        let panics_seen = Arc::new(AtomicUsize::new(0));
        let observer: Arc<dyn RequestObserver> = Arc::new(Counting(Arc::clone(&panics_seen)));
        let app = App::new()
            .route("/panic", web::get().to(panics))
            .route("/well", web::get().to(HttpResponse::Ok))
            .app_data(web::Data::new(Arc::clone(&observer)))
            .wrap(from_fn(finish))
            .wrap(security_headers::security_headers())
            .wrap(from_fn(note));
        let service = init_service(app).await;
        for number in 0..100 {
            let request = TestRequest::get().uri("/panic");
            let request = request.insert_header((REQUEST_ID, format!("panic-{number}"))).to_request();
            let error = try_call_service(&service, request).await.unwrap_err();
            let answer = error.error_response();
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), &format!("panic-{number}"));
            assert_eq!(answer.headers().get(CACHE_CONTROL).unwrap(), "no-store");
            assert_eq!(answer.headers().get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        }
        let request = TestRequest::get().uri("/well").to_request();
        assert_eq!(try_call_service(&service, request).await.unwrap().status(), StatusCode::OK);
        assert_eq!(panics_seen.load(Ordering::Relaxed), 100);
    }
}
