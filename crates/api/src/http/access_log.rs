//! The access log: one line per request, at a level chosen by its status, and one call of the [`RequestObserver`].
//!
//! A line holds the request's id, method, route pattern, status, error name and duration. It never holds a path, a query,
//! a header or a body, because those contain private data.
//!
//! Where only failures are logged, the field `kind` of a 503 limits its lines: an overloaded server refuses thousands of
//! requests a second, and writing a line for each of them is work, too.

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

/// The header that carries a request's id, in both directions.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The route label of a request that matches no route.
const UNMATCHED: &str = "unmatched";

/// Receives every completed request, for metrics.
pub trait RequestObserver: Send + Sync {
    /// A request was completed. It MUST NOT block: it runs on the worker that serves the request.
    fn on_response(&self, request: &CompletedRequest<'_>);
}

/// What an observer learns about a request. All labels have bounded cardinality: no client can create new values.
#[derive(Debug, Clone, Copy)]
pub struct CompletedRequest<'a> {
    /// One of the known methods, or `other`.
    pub method: &'a str,
    /// The route's pattern, or `unmatched`.
    pub route: &'a str,
    /// The status as three digits.
    pub status: &'a str,
    /// The error's name in the catalogue, for an error response.
    pub error: Option<&'static str>,
    /// From the arrival of the request to its response.
    pub took: Duration,
}

/// The error part of a request's log line.
#[derive(Debug, Default)]
struct ErrorRecord {
    /// The error's name in the catalogue.
    name: Option<&'static str>,
    /// The cause of a server fault. It goes to the log only, never to the client.
    cause: Option<String>,
}

/// The record of a request in progress, shared through the request's extensions.
#[derive(Clone)]
pub(crate) struct RequestRecord(Rc<RefCell<ErrorRecord>>);

impl RequestRecord {
    /// The name of the error that was recorded.
    pub(crate) fn error(&self) -> Option<&'static str> {
        self.0.borrow().name
    }

    /// Records the error that the request ends with.
    pub(crate) fn set_error(&self, name: &'static str, cause: Option<String>) {
        self.0.replace(ErrorRecord { name: Some(name), cause });
    }
}

/// Middleware that logs and observes the request and returns its id in a header.
pub(crate) async fn log_request<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let begun = Instant::now();
    let id = inbound_id(&request).unwrap_or_else(generate_id);
    let (method, route) = (method_label(request.method()), request.match_pattern());
    let route = route.as_deref().unwrap_or(UNMATCHED);
    let observer = request.app_data::<web::Data<Arc<dyn RequestObserver>>>().cloned();
    let record = RequestRecord(Rc::default());
    request.extensions_mut().insert(record.clone());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), method, route);
    let outcome = next.call(request).instrument(span).await;
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let ErrorRecord { name: error, cause } = record.0.take();
    let completed = CompletedRequest { method, route, status: status.as_str(), error, took: begun.elapsed() };
    write_line(&id, status, &completed, cause.as_deref());
    if let Some(observer) = observer {
        observer.on_response(&completed);
    }
    with_request_id(outcome, id)
}

/// Adds the id to the response, also to that of an error.
fn with_request_id<B>(
    outcome: Result<ServiceResponse<B>, Error>,
    id: HeaderValue,
) -> Result<ServiceResponse<B>, Error> {
    match outcome {
        Ok(mut response) => {
            response.headers_mut().insert(REQUEST_ID, id);
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            response.headers_mut().insert(REQUEST_ID, id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Writes the line. It repeats the span's fields, because a filter for the target `access` alone disables the span.
fn write_line(id: &HeaderValue, status: StatusCode, request: &CompletedRequest<'_>, cause: Option<&str>) {
    let id = id.to_str().unwrap_or_default();
    let CompletedRequest { method, route, error, took, .. } = *request;
    let (status, ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match status {
        500.. => {
            let kind = error.filter(|_| status == 503 && !logs_every_request());
            tracing::error!(target: "access", kind, id, method, route, status, ms, error, cause, "request failed");
        }
        400.. => tracing::warn!(target: "access", id, method, route, status, ms, error, "request refused"),
        _ => tracing::info!(target: "access", id, method, route, status, ms, "request completed"),
    }
}

fn logs_every_request() -> bool {
    tracing::enabled!(target: "access", tracing::Level::INFO)
}

/// The method, or `other`: clients can invent methods, and labels must stay bounded.
fn method_label(method: &Method) -> &'static str {
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

/// The id that a proxy or the client sent, if it is safe to write to a log.
fn inbound_id(request: &ServiceRequest) -> Option<HeaderValue> {
    request.headers().get(REQUEST_ID).filter(|id| is_safe(id.as_bytes())).cloned()
}

fn is_safe(id: &[u8]) -> bool {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=64).contains(&id.len()) && id.iter().all(safe)
}

/// A new id: a random number of this process and a counter, so that ids are unique across instances.
fn generate_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let text = format!("{:016x}-{number}", *PROCESS);
    HeaderValue::from_maybe_shared(text).unwrap_or(const { HeaderValue::from_static("none") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbound_id_is_used_only_if_it_is_safe_in_a_log() {
        for id in [&b"a"[..], b"01890a5d-ac96-774b-bcce-b302099a8057", b"A_b.c", &[b'x'; 64]] {
            assert!(is_safe(id), "{id:?}");
        }
        for id in [&b""[..], b"a b", b"a\nb", b"\x1b[31m", b"a\"", "雁".as_bytes(), &[b'x'; 65]] {
            assert!(!is_safe(id), "{id:?}");
        }
    }

    #[test]
    fn generated_ids_are_safe_and_differ() {
        let (one, other) = (generate_id(), generate_id());
        assert!(is_safe(one.as_bytes()) && is_safe(other.as_bytes()));
        assert_ne!(one, other);
    }

    #[test]
    fn method_labels_are_bounded() {
        assert_eq!(method_label(&Method::PATCH), "PATCH");
        assert_eq!(method_label(&Method::TRACE), "other");
        assert_eq!(method_label(&Method::from_bytes(b"MADE-UP").unwrap()), "other");
    }
}
