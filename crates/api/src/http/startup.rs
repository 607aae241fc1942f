//! The application that serves while the database is unavailable at start-up: liveness, and 503 for everything else.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};

use crate::app::cors;
use crate::http::health::{self, ReadinessProbe};
use crate::http::language::Language;
use crate::http::{access_log, connection, error_rendering, head_method, origin, security_headers};
use crate::response::error::ApiError;
use crate::settings::ApiSettings;

/// Never ready. It reports draining so that each connection closes after its response: another application will serve
/// the next request.
struct StartupProbe;

#[async_trait::async_trait]
impl ReadinessProbe for StartupProbe {
    async fn is_ready(&self) -> bool {
        false
    }

    fn is_draining(&self) -> bool {
        true
    }
}

/// The application that serves in place of the API until the database is available.
#[expect(clippy::needless_pass_by_value, reason = "the returned application would borrow it")]
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
    let probe: Arc<dyn ReadinessProbe> = Arc::new(StartupProbe);
    App::new()
        .app_data(web::Data::new(probe))
        .app_data(web::Data::new(settings.clone()))
        .app_data(web::Data::new(Language::by_default(settings.english_by_default)))
        .service(health::check_liveness)
        .service(health::check_readiness)
        .default_service(web::to(refuse))
        .wrap(from_fn(error_rendering::render_errors))
        .wrap(cors(&settings))
        .wrap(from_fn(origin::refuse_foreign))
        .wrap(security_headers::security_headers())
        .wrap(from_fn(connection::connection_close))
        .wrap(from_fn(head_method::answer_head))
        .wrap(from_fn(access_log::log_request))
}

async fn refuse() -> Result<&'static str, ApiError> {
    Err(ApiError::not_ready())
}
