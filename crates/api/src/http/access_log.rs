//! What is noted of each request: one line in the log, whose level is the outcome's, and a call of the observer.
//!
//! Noted are an id, the method, the route's pattern, the status, the error's name and the time; never a path, a query, a
//! header or a body, which hold what is nobody else's business.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tracing::Instrument;

/// The header that a request's id comes in and goes out by.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The route of a request that no route takes.
const UNMATCHED: &str = "unmatched";

/// Is told of each answer.
pub trait RequestObserver: Send + Sync {
    /// A request was answered. It MUST NOT wait for anything: the worker that serves waits for it.
    fn on_response(&self, answer: &CompletedRequest<'_>);
}

/// What an observer is told. Nothing of it is of a caller's choice, so that there are only so many different ones.
#[derive(Debug, Clone, Copy)]
pub struct CompletedRequest<'a> {
    /// One of the known methods, or `other`.
    pub method: &'a str,
    /// The route's pattern, or `unmatched`.
    pub route: &'a str,
    /// The status, as a text of three digits.
    pub status: &'a str,
    /// The error's name in the catalogue, if it is an error.
    pub error: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
}

/// What goes wrong with a request, to be noted with it.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// The error's name in the catalogue.
    pub(crate) error: Option<&'static str>,
    /// Why, when it is our fault; for the log alone.
    pub(crate) cause: Option<String>,
}

/// A request's entry in the journal, while it is being served.
#[derive(Clone)]
pub(crate) struct Entry(Rc<RefCell<Refused>>);

impl Entry {
    /// Notes why the request is refused.
    pub(crate) fn refuse(&self, error: &'static str, cause: Option<String>) {
        self.0.replace(Refused { error: Some(error), cause });
    }
}

/// Notes the request and sends its id back.
pub(crate) async fn note<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let begun = Instant::now();
    let id = given_id(&request).unwrap_or_else(made_id);
    let (method, route) = (name_of(request.method()), request.match_pattern());
    let route = route.as_deref().unwrap_or(UNMATCHED);
    let observer = request.app_data::<web::Data<Arc<dyn RequestObserver>>>().cloned();
    let entry = Entry(Rc::default());
    request.extensions_mut().insert(entry.clone());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), method, route);
    let outcome = next.call(request).instrument(span).await;
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let refused = entry.0.take();
    let answer = CompletedRequest {
        method,
        route,
        status: status.as_str(),
        error: refused.error,
        took: begun.elapsed(),
    };
    write(&id, status, &answer, refused.cause.as_deref());
    if let Some(observer) = observer {
        observer.on_response(&answer);
    }
    identified(outcome, id)
}

/// Puts the id on the answer, whatever came of the request.
fn identified<B>(
    outcome: Result<ServiceResponse<B>, Error>,
    id: HeaderValue,
) -> Result<ServiceResponse<B>, Error> {
    match outcome {
        Ok(mut response) => {
            response.headers_mut().insert(REQUEST_ID, id);
            Ok(response)
        }
        Err(error) => {
            let mut answer = error.error_response();
            answer.headers_mut().insert(REQUEST_ID, id);
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

/// Writes the line. It tells the span's fields itself: whoever wants these lines alone has no span.
fn write(id: &HeaderValue, status: StatusCode, answer: &CompletedRequest<'_>, cause: Option<&str>) {
    let id = id.to_str().unwrap_or_default();
    let CompletedRequest { method, route, error, took, .. } = *answer;
    let (status, ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match status {
        500.. => {
            tracing::error!(target: "access", id, method, route, status, ms, error, cause, "a request failed on our side");
        }
        400.. => tracing::warn!(target: "access", id, method, route, status, ms, error, "refused"),
        _ => tracing::info!(target: "access", id, method, route, status, ms, "answered"),
    }
}

/// The method, or `other`: callers can make any word up.
fn name_of(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::HEAD,
    ];
    const NAMES: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];
    KNOWN.iter().zip(NAMES).find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}

/// The id that a proxy or a client gave, if it is harmless wherever it is written.
fn given_id(request: &ServiceRequest) -> Option<HeaderValue> {
    request.headers().get(REQUEST_ID).filter(|id| is_harmless(id.as_bytes())).cloned()
}

fn is_harmless(id: &[u8]) -> bool {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=64).contains(&id.len()) && id.iter().all(harmless)
}

/// An id that no other request of any instance has: a word that is this process's own, and a number.
fn made_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let text = format!("{:016x}-{number}", *PROCESS);
    HeaderValue::from_maybe_shared(text).unwrap_or(const { HeaderValue::from_static("none") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_do_harm_in_a_log_is_not_taken() {
        for id in [&b"a"[..], b"01890a5d-ac96-774b-bcce-b302099a8057", b"A_b.c", &[b'x'; 64]] {
            assert!(is_harmless(id), "{id:?}");
        }
        for id in [&b""[..], b"a b", b"a\nb", b"\x1b[31m", b"a\"", "雁".as_bytes(), &[b'x'; 65]] {
            assert!(!is_harmless(id), "{id:?}");
        }
    }

    #[test]
    fn ids_that_are_made_are_harmless_and_differ() {
        let (one, other) = (made_id(), made_id());
        assert!(is_harmless(one.as_bytes()) && is_harmless(other.as_bytes()));
        assert_ne!(one, other);
    }

    #[test]
    fn there_are_only_so_many_methods() {
        assert_eq!(name_of(&Method::PATCH), "PATCH");
        assert_eq!(name_of(&Method::TRACE), "other");
        assert_eq!(name_of(&Method::from_bytes(b"MADE-UP").unwrap()), "other");
    }
}
