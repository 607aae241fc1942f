//! Middleware: holds the answer to a requester back that is refused again and again (see the tarpit of `admission`).
//!
//! It is the outermost one, so that the delay is in no measured duration. An answer keeps its status, its body and its `Retry-After`;
//! only the connection that it belongs to waits. A timer holds it, no thread.

use std::sync::Arc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::time::sleep;
use actix_web::web::Data;

use crate::admission::{Bulkheads, HOLD, HeldAnswer, Requester};
use crate::extract::{caller_of, client_address};
use crate::http::health::ReadinessProbe;

/// Delays a 4xx of a requester that has been refused too often of late, unless the instance drains.
pub(crate) async fn hold_refusals<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    if response.status().is_client_error()
        && let Some(place) = place(&response)
    {
        sleep(HOLD).await;
        drop(place);
    }
    Ok(response)
}

/// The place of an answer that is to be held back. A client without an account and without an address that distinguishes clients is not
/// counted.
fn place<B>(response: &ServiceResponse<B>) -> Option<HeldAnswer> {
    let request = response.request();
    let probe = request.app_data::<Data<Arc<dyn ReadinessProbe>>>();
    if probe.is_some_and(|probe| probe.is_draining()) {
        return None;
    }
    let account = caller_of(request).map(|caller| Requester::Account(caller.user_id));
    let requester = account.or_else(|| client_address(request).map(Requester::Address))?;
    request.app_data::<Data<Bulkheads>>()?.refused(requester)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::web::{self, Data};
    use actix_web::{App, HttpResponse};
    use tokio::time::Instant;

    use super::*;
    use crate::admission::{AdmissionSettings, RefusalRates};
    use crate::http::proxies::TrustedProxies;

    /// An instance that is or is not about to stop.
    struct Drains(bool);

    #[async_trait::async_trait]
    impl ReadinessProbe for Drains {
        async fn is_ready(&self) -> bool {
            true
        }

        fn is_draining(&self) -> bool {
            self.0
        }
    }

    /// The delays of twelve answers with this status to this peer, whose first ten refusals are not delayed.
    async fn delays(status: StatusCode, peer: &str, draining: bool) -> Vec<Duration> {
        let probe: Arc<dyn ReadinessProbe> = Arc::new(Drains(draining));
        let settings =
            AdmissionSettings { refusals: RefusalRates::per_minute(1), ..AdmissionSettings::default() };
        let app = App::new()
            .app_data(Data::new(TrustedProxies::default()))
            .app_data(Data::new(probe))
            .app_data(Data::new(Bulkheads::new(settings)))
            .default_service(web::to(move || async move { HttpResponse::build(status).finish() }))
            .wrap(from_fn(hold_refusals));
        let service = init_service(app).await;
        let mut delays = Vec::new();
        for _ in 0..12 {
            let begun = Instant::now();
            let request = TestRequest::get().peer_addr(peer.parse().unwrap()).to_request();
            assert_eq!(call_service(&service, request).await.status(), status);
            delays.push(begun.elapsed());
        }
        delays
    }

    #[actix_web::test]
    async fn only_refusals_beyond_the_quota_are_held_back() {
        const PEER: &str = "192.0.2.7:1";
        tokio::time::pause();
        let none = vec![Duration::ZERO; 12];
        for status in [429, 400, 401, 404].map(|status| StatusCode::from_u16(status).unwrap()) {
            let delays = delays(status, PEER, false).await;
            assert_eq!(delays[..10], none[..10], "{status}");
            assert!(delays[10..].iter().all(|delay| *delay >= HOLD), "{status}: {delays:?}");
        }
        assert_eq!(delays(StatusCode::OK, PEER, false).await, none);
        assert_eq!(delays(StatusCode::SERVICE_UNAVAILABLE, PEER, false).await, none);
        assert_eq!(delays(StatusCode::NOT_FOUND, PEER, true).await, none, "a stop is not delayed");
        assert_eq!(delays(StatusCode::NOT_FOUND, "127.0.0.1:1", false).await, none, "loopback is many");
    }
}
