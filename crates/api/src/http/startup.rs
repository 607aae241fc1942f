//! What is answered while the database is being waited for: that the process lives, and to everybody else to come again.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};

use crate::app::{ApiSettings, cors};
use crate::http::health::{self, ReadinessProbe};
use crate::http::{access_log, error_rendering, security_headers};
use crate::response::error::ApiError;

/// Is not ready. It closes each connection behind its answer, because another application will serve the next request.
struct Waiting;

#[async_trait::async_trait]
impl ReadinessProbe for Waiting {
    async fn is_ready(&self) -> bool {
        false
    }

    fn takes_leave(&self) -> bool {
        true
    }
}

/// The application that stands in for the API until there is a database.
#[allow(clippy::needless_pass_by_value, reason = "what is returned would borrow it")]
pub fn startup_app(
    settings: ApiSettings,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let probe: Arc<dyn ReadinessProbe> = Arc::new(Waiting);
    App::new()
        .app_data(web::Data::new(probe))
        .service(health::healthz)
        .service(health::readyz)
        .default_service(web::to(refuse))
        .wrap(from_fn(error_rendering::finish))
        .wrap(cors(&settings))
        .wrap(security_headers::security_headers())
        .wrap(from_fn(error_rendering::close_behind))
        .wrap(from_fn(access_log::note))
}

async fn refuse() -> Result<&'static str, ApiError> {
    Err(ApiError::not_ready())
}
