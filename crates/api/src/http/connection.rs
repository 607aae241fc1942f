//! The connection after a response: kept, or closed with `Connection: close`; and hop-by-hop headers of requests.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{RequestHead, ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING, UPGRADE};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use domain::id::UserId;
use tokio::sync::Notify;

use crate::extract::MAX_BODY;
use crate::http::health::ReadinessProbe;

/// The account of the last authenticated request on a connection. The server puts it into the connection's data, and counts the
/// bytes that wait for clients by it. Behind a proxy, connections carry the requests of many accounts.
#[derive(Debug, Clone, Default)]
pub struct ConnectionAccount(Rc<Cell<Option<UserId>>>);

impl ConnectionAccount {
    /// The account, once a request was authenticated.
    #[must_use]
    pub fn get(&self) -> Option<UserId> {
        self.0.get()
    }

    /// A request of this account was authenticated.
    pub fn set(&self, account: UserId) {
        self.0.set(Some(account));
    }
}

/// Whether the client has closed its side of a connection. The server puts it into the connection's data. A handler that waits for
/// something ends its wait then; actix itself lets it go on, because a client may still read.
#[derive(Debug, Clone, Default)]
pub struct ConnectionEnd(Rc<EndState>);

#[derive(Debug, Default)]
struct EndState {
    has_ended: Cell<bool>,
    has_left_http: Cell<bool>,
    waiting: Notify,
}

impl ConnectionEnd {
    /// The client sends nothing more.
    pub fn set(&self) {
        self.0.has_ended.set(true);
        self.0.waiting.notify_waiters();
    }

    /// What follows on the connection is another protocol.
    pub(crate) fn leave_http(&self) {
        self.0.has_left_http.set(true);
    }

    /// Whether the connection carries another protocol now.
    #[must_use]
    pub fn has_left_http(&self) -> bool {
        self.0.has_left_http.get()
    }

    /// Ends when the client has closed its side.
    pub(crate) async fn wait(&self) {
        let closed = self.0.waiting.notified();
        if !self.0.has_ended.get() {
            closed.await;
        }
    }
}

/// What a request demands of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Demand {
    /// Nothing follows the response.
    close: bool,
    /// The end of the connection is the end of a body of unknown length.
    no_chunks: bool,
}

impl Demand {
    /// A wish for another protocol is not granted, and actix would mirror it: it reads what follows as part of that protocol. So the
    /// connection ends. HTTP/1.0 has no chunks.
    fn of(request: &RequestHead) -> Self {
        let upgrade =
            request.connection_type() == ConnectionType::Upgrade || request.headers().contains_key(UPGRADE);
        let no_chunks = upgrade || request.version < Version::HTTP_11;
        Self { close: upgrade || may_be_endless(request.headers()), no_chunks }
    }

    fn apply(self, response: &mut ResponseHead, body: BodySize) {
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        let ends_body = self.no_chunks && body == BodySize::Stream;
        if ends_body {
            response.no_chunking(true);
        }
        if self.close || ends_body {
            response.set_connection_type(ConnectionType::Close);
        }
    }
}

/// Middleware that sets `Connection: close` while the instance drains, when the request's body may be endless, and when the
/// request wishes another protocol.
///
/// While draining, a client that kept the connection could send its next request into a connection that is being closed. An
/// unread body would otherwise be drained to its end, however long it is; chunked bodies need `body_drain` as well.
pub(crate) async fn connection_close<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let probe = request.app_data::<web::Data<Arc<dyn ReadinessProbe>>>().cloned();
    let mut demand = Demand::of(request.head());
    let outcome = next.call(request).await;
    // Checked after the handler: draining may have begun while it ran.
    demand.close |= probe.is_some_and(|probe| probe.is_draining());
    match outcome {
        Ok(mut response) => {
            let size = response.response().body().size();
            demand.apply(response.response_mut().head_mut(), size);
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            let size = response.body().size();
            demand.apply(response.head_mut(), size);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Whether the body is larger than any accepted body, or of unknown length.
fn may_be_endless(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<usize>().ok());
    headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length.is_none_or(|length| length > MAX_BODY))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_a_body_that_may_be_endless_closes_the_connection() {
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

    #[test]
    fn a_wish_for_another_protocol_ends_the_connection() {
        let demand = |headers: &[(&str, &str)], version: Version| {
            let request = TestRequest::get().version(version);
            let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
            let mut request = request.to_srv_request();
            if headers.iter().any(|(name, _)| *name == "Connection") {
                request.head_mut().set_connection_type(ConnectionType::Upgrade);
            }
            Demand::of(request.head())
        };
        let ends = Demand { close: true, no_chunks: true };
        assert_eq!(demand(&[("Connection", "upgrade")], Version::HTTP_11), ends);
        assert_eq!(demand(&[("Upgrade", "h2c")], Version::HTTP_11), ends);
        assert_eq!(demand(&[], Version::HTTP_10), Demand { close: false, no_chunks: true });
        assert_eq!(demand(&[], Version::HTTP_11), Demand { close: false, no_chunks: false });
    }
}
