//! The whole API on one screen.

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, ETAG, RETRY_AFTER};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, Responder, get, guard, web};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::UseCases;
use crate::health::ReadinessProbe;
use crate::journal::{self, REQUEST_ID, RequestObserver};
use crate::proxies::TrustedProxies;
use crate::{
    blocks, conversations, description, devices, exports, friendship_requests, friendships, headers, health,
    messages, render, search, sessions, unread, users,
};

/// Registers every documented route.
#[rustfmt::skip]
pub(crate) fn documented(routes: &mut ServiceConfig<'_>) {
    routes
        .service(health::healthz)                        // GET    /healthz
        .service(health::readyz)                         // GET    /readyz
        .service(sessions::register)                     // POST   /api/register
        .service(sessions::login_by_uid)                 // POST   /api/login/uid
        .service(sessions::login_by_phone_number)        // POST   /api/login/phone_number
        .service(sessions::refresh_token)                // POST   /auth/refresh_token
        .service(sessions::refresh_token_under_api)      // POST   /api/auth/refresh_token
        .service(sessions::logout)                       // POST   /api/auth/logout
        .service(devices::list_sessions)                 // GET    /api/auth/sessions
        .service(devices::end_other_sessions)            // DELETE /api/auth/sessions
        .service(devices::end_session)                   // DELETE /api/auth/sessions/{session_id}
        .service(devices::change_password)               // PUT    /api/auth/me/password
        .service(users::me)                              // GET    /api/auth/me
        .service(users::rename)                          // PATCH  /api/auth/me
        .service(users::erase)                           // DELETE /api/auth/me
        .service(exports::export)                        // GET    /api/auth/me/export
        .service(users::change_uid)                      // PATCH  /api/auth/me/uid
        .service(users::find_user)                       // GET    /api/auth/users
        .service(friendship_requests::ask)               // POST   /api/auth/friendship_requests
        .service(friendship_requests::list_requests)     // GET    /api/auth/friendship_requests
        .service(friendship_requests::answer)            // POST   /api/auth/friendship_requests/{request_id}
        .service(friendship_requests::withdraw)          // DELETE /api/auth/friendship_requests/{request_id}
        .service(friendships::list_friends)              // GET    /api/auth/friendships
        .service(friendships::unfriend)                  // DELETE /api/auth/friendships/{friend_id}
        .service(friendships::set_remark)                // PUT    /api/auth/friendships/{friend_id}/remark
        .service(blocks::list_blocks)                    // GET    /api/auth/blocks
        .service(blocks::block)                          // PUT    /api/auth/blocks/{user_id}
        .service(blocks::unblock)                        // DELETE /api/auth/blocks/{user_id}
        .service(conversations::list_conversations)      // GET    /api/auth/conversations
        .service(conversations::open_conversation)       // GET    /api/auth/conversations/{conversation_id}
        .service(conversations::set_preferences)         // PATCH  /api/auth/conversations/{conversation_id}
        .service(conversations::clear_conversation)      // DELETE /api/auth/conversations/{conversation_id}
        .service(conversations::mark_read)               // PUT    /api/auth/conversations/{conversation_id}/read
        .service(messages::send)                         // POST   /api/auth/messages
        .service(search::search_messages)                // GET    /api/auth/messages/search
        .service(messages::recall)                       // DELETE /api/auth/message/recall
        .service(messages::recall_plural)                // DELETE /api/auth/messages/recall
        .service(messages::delete_message)               // DELETE /api/auth/message/delete
        .service(messages::delete_message_plural);       // DELETE /api/auth/messages/delete
}

/// What the API is given beside the use-cases.
#[derive(Debug, Clone, Default)]
pub struct ApiSettings {
    /// The origins that browsers may call from; none by default.
    pub cors_origins: Vec<String>,
    /// The proxies whose word is taken for where a request comes from; none by default.
    pub trusted_proxies: TrustedProxies,
}

/// The rules for browsers.
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
            "If-None-Match",
            "X-Request-Id",
        ])
        .expose_headers([RETRY_AFTER, ALLOW, ETAG, REQUEST_ID])
        .max_age(3600)
}

#[get("/docs")]
async fn docs() -> impl Responder {
    web::Redirect::to("/docs/")
}

/// The whole API as an application, given what its handlers call.
pub fn app(
    use_cases: web::Data<UseCases>,
    (probe, observer): (Arc<dyn ReadinessProbe>, Arc<dyn RequestObserver>),
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
        .app_data(web::Data::new(observer))
        .configure(all)
        .wrap(from_fn(render::finish))
        .wrap(Compress::default())
        .wrap(cors(&settings))
        // Outside of CORS, which answers preflights by itself.
        .wrap(headers::everywhere())
        .wrap(from_fn(unread::hold))
        .wrap(from_fn(render::close_behind))
        .wrap(from_fn(journal::note))
}

fn all(config: &mut web::ServiceConfig) {
    documented(&mut ServiceConfig::new(config));
    config
        .service(docs)
        .service(web::resource("/api/openapi.json").guard(guard::Get()).to(description::openapi_json))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/api/openapi.json")))
        .default_service(web::to(description::refuse));
}
