//! HEAD requests: a HEAD is answered as the GET of the same path, without the body.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};

/// Whether only the head of the response is wanted. A handler whose body is costly asks; for all others it makes no difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadOnly(pub(crate) bool);

impl FromRequest for HeadOnly {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get().copied().unwrap_or(Self(false))))
    }
}

/// A body that is announced and not sent.
pub(crate) struct Announced(BodySize);

impl MessageBody for Announced {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Middleware that routes HEAD as GET. actix's parser remembers the method and sends no body after the head.
pub(crate) async fn answer_head<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Announced>>, Error> {
    if request.method() != Method::HEAD {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    request.head_mut().method = Method::GET;
    request.extensions_mut().insert(HeadOnly(true));
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| EitherBody::right(Announced(body.size()))))
}
