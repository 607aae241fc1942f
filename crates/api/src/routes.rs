//! The route table: every documented route on one screen.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::health;
use crate::rest::{
    auth, blocks, conversations, export, friendship_requests, friendships, info, messages, search, sessions,
    users,
};

/// Registers every documented route.
pub(crate) fn documented(routes: &mut ServiceConfig<'_>) {
    of_the_server(routes);
    of_users(routes);
}

/// The routes about the server itself.
#[rustfmt::skip]
fn of_the_server(routes: &mut ServiceConfig<'_>) {
    routes
        .service(health::healthz)                        // GET    /healthz
        .service(health::readyz)                         // GET    /readyz
        .service(info::info);                            // GET    /api/info
}

/// The routes of the product.
#[rustfmt::skip]
fn of_users(routes: &mut ServiceConfig<'_>) {
    routes
        .service(auth::register)                         // POST   /api/register
        .service(auth::login_by_uid)                     // POST   /api/login/uid
        .service(auth::login_by_phone_number)            // POST   /api/login/phone_number
        .service(auth::refresh_token)                    // POST   /auth/refresh_token
        .service(auth::refresh_token_under_api)          // POST   /api/auth/refresh_token
        .service(auth::logout)                           // POST   /api/auth/logout
        .service(sessions::list_sessions)                // GET    /api/auth/sessions
        .service(sessions::end_other_sessions)           // DELETE /api/auth/sessions
        .service(sessions::end_session)                  // DELETE /api/auth/sessions/{session_id}
        .service(sessions::change_password)              // PUT    /api/auth/me/password
        .service(users::me)                              // GET    /api/auth/me
        .service(users::rename)                          // PATCH  /api/auth/me
        .service(users::erase)                           // DELETE /api/auth/me
        .service(export::export)                         // GET    /api/auth/me/export
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
