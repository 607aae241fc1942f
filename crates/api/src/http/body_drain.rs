//! Handling of request bodies that the handler did not consume.
//!
//! After a response, actix closes the connection when the request's body was not read, with one exception: when nothing
//! holds a chunked body any more, actix drains it to its end, however long it is, in order to reuse the connection. A client
//! could keep a worker busy that way. So this middleware holds a chunked body until the response is written; actix then
//! drains for one second, so that the client can still read the response, and closes.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;

/// A body that the handler reads and the response holds.
type SharedPayload = Rc<RefCell<Payload>>;

/// The handler's half of the body.
struct PayloadReader(SharedPayload);

impl Stream for PayloadReader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// A response body that keeps the request body alive.
struct HoldingBody<B> {
    response: Pin<Box<B>>,
    _held: SharedPayload,
}

impl<B: MessageBody> MessageBody for HoldingBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.response.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.response.as_mut().poll_next(context)
    }
}

/// Middleware that holds a chunked request body until the response is written. Bodies with a `Content-Length` need no holding.
pub(crate) async fn hold_chunked_body<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let held = Rc::new(RefCell::new(request.take_payload()));
    request.set_payload(Payload::Stream { payload: Box::pin(PayloadReader(Rc::clone(&held))) });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| {
        EitherBody::right(BoxBody::new(HoldingBody { response: Box::pin(body), _held: held }))
    }))
}
