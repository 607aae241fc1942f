//! The actix application: routes, shared state and middleware.

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, DATE, ETAG, HeaderName, RETRY_AFTER};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, guard, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::access_log::{self, REQUEST_ID, RequestObserver};
use crate::http::health::ReadinessProbe;
use crate::http::language::Language;
use crate::http::{
    body_drain, connection, content_coding, docs_page, error_rendering, head_method, origin, refusal_delay,
    refusals, security_headers, web_page,
};
use crate::openapi::description;
use crate::realtime::{asyncapi, handshake};
use crate::routes;
use crate::settings::ApiSettings;
use crate::state::UseCases;

/// The CORS policy.
pub(crate) fn cors(settings: &ApiSettings) -> Cors {
    let allowed = if settings.cors_origins.iter().any(|origin| origin == ApiSettings::ANY_ORIGIN) {
        // Without cookies a page can do no more than its user's own programs.
        Cors::default().allow_any_origin()
    } else {
        settings.cors_origins.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
    };
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
            "X-Requested-With",
            // What tracing libraries add to every request.
            "traceparent",
            "tracestate",
            "baggage",
            "sentry-trace",
        ])
        .expose_headers([
            RETRY_AFTER,
            ALLOW,
            ETAG,
            REQUEST_ID,
            DATE,
            HeaderName::from_static("server-timing"),
        ])
        .max_age(3600)
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
        .wrap(from_fn(refusal_delay::hold_refusals))
}

fn configure_routes(config: &mut web::ServiceConfig, settings: &ApiSettings) {
    routes::documented(&mut ServiceConfig::new(config));
    config
        .service(web::resource("/api/auth/socket").guard(guard::Get()).to(handshake::open_socket))
        .service(web::resource("/api/asyncapi.json").guard(guard::Get()).to(asyncapi::asyncapi_json))
        .service(web::resource("/api/openapi.json").guard(guard::Get()).to(description::openapi_json))
        .default_service(web::to(description::unmatched));
    // The web client comes first: without it, `/` leads to the documentation.
    if !settings.without_web {
        web_page::configure(config);
    }
    if !settings.without_docs {
        docs_page::routes(config);
    }
}
