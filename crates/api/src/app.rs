//! The actix application: routes, shared state and middleware.

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, ETAG, RETRY_AFTER};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, Responder, get, guard, web};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::access_log::{self, REQUEST_ID, RequestObserver};
use crate::http::health::ReadinessProbe;
use crate::http::language::Language;
use crate::http::{
    body_drain, connection, content_coding, error_rendering, head_method, origin, refusals, security_headers,
};
use crate::openapi::description;
use crate::routes;
use crate::settings::ApiSettings;
use crate::state::UseCases;

/// The CORS policy.
pub(crate) fn cors(settings: &ApiSettings) -> Cors {
    let allowed =
        settings.cors_origins.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin));
    allowed
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "Authorization",
            "Content-Type",
            "Accept-Language",
            "Idempotency-Key",
            "Device-Id",
            "If-None-Match",
            "X-Request-Id",
        ])
        .expose_headers([RETRY_AFTER, ALLOW, ETAG, REQUEST_ID])
        .max_age(3600)
}

async fn front_page() -> impl Responder {
    web::Redirect::to("/docs")
}

#[get("/docs")]
async fn docs() -> impl Responder {
    web::Redirect::to("/docs/")
}

/// The complete API as an actix application.
#[expect(clippy::needless_pass_by_value, reason = "the returned application would borrow the settings")]
pub fn app(
    use_cases: web::Data<UseCases>,
    probe: Arc<dyn ReadinessProbe>,
    observer: Arc<dyn RequestObserver>,
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
    App::new()
        .app_data(use_cases)
        .app_data(web::Data::new(probe))
        .app_data(web::Data::new(settings.trusted_proxies.clone()))
        .app_data(web::Data::new(settings.clone()))
        .app_data(web::Data::new(Language::by_default(settings.english_by_default)))
        .app_data(web::Data::new(observer))
        .app_data(web::Data::from(Arc::clone(&settings.admission)))
        .configure(|config| configure_routes(config, &settings))
        .wrap(from_fn(error_rendering::render_errors))
        .wrap(Compress::default())
        .wrap(from_fn(content_coding::permit_unpacked))
        .wrap(cors(&settings))
        // Outside CORS, because CORS answers preflight requests without calling inner middleware.
        .wrap(from_fn(origin::refuse_foreign))
        .wrap(security_headers::security_headers())
        .wrap(from_fn(body_drain::hold_chunked_body))
        .wrap(from_fn(connection::connection_close))
        .wrap(from_fn(head_method::answer_head))
        .wrap(from_fn(refusals::record_refusals))
        .wrap(from_fn(access_log::log_request))
}

fn configure_routes(config: &mut web::ServiceConfig, settings: &ApiSettings) {
    routes::documented(&mut ServiceConfig::new(config));
    config
        .service(web::resource("/api/openapi.json").guard(guard::Get()).to(description::openapi_json))
        .default_service(web::to(description::unmatched));
    if !settings.without_docs {
        config
            .service(web::resource("/").guard(guard::Get()).to(front_page))
            .service(docs)
            .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/api/openapi.json")));
    }
}
