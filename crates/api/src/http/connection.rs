//! Connection closing: the last response of a connection carries `Connection: close`.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::extract::MAX_BODY;
use crate::http::health::ReadinessProbe;

/// Middleware that sets `Connection: close` while the instance drains, or when the request's body may be endless.
///
/// While draining, a client that kept the connection could send its next request into a connection that is being closed. An
/// unread body would otherwise be drained to its end, however long it is; chunked bodies need `body_drain` as well.
pub(crate) async fn connection_close<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let probe = request.app_data::<web::Data<Arc<dyn ReadinessProbe>>>().cloned();
    let endless = may_be_endless(request.headers());
    let mut response = next.call(request).await?;
    // Checked after the handler: draining may have begun while it ran.
    if endless || probe.is_some_and(|probe| probe.is_draining()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
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
}
