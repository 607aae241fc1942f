//! The route table: every documented route on one screen.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::health;
use crate::rest::{
    auth, blocks, conversations, export, friendship_requests, friendships, info, messages, search, sessions,
    sync, typing, users,
};

/// Registers every documented route. The router tries them in this order, so the most frequent ones come first.
pub(crate) fn documented(routes: &mut ServiceConfig<'_>) {
    of_conversations(routes);
    of_the_server(routes);
    of_users(routes);
}

/// The routes of conversations and messages.
#[rustfmt::skip]
fn of_conversations(routes: &mut ServiceConfig<'_>) {
    routes
        .service(messages::send_message)                       // POST   /api/auth/messages
        .service(conversations::list_conversations)            // GET    /api/auth/conversations
        .service(conversations::open_conversation)             // GET    /api/auth/conversations/{conversation_id}
        .service(conversations::update_conversation)           // PATCH  /api/auth/conversations/{conversation_id}
        .service(conversations::clear_conversation)            // DELETE /api/auth/conversations/{conversation_id}
        .service(conversations::mark_conversation_read)        // PUT    /api/auth/conversations/{conversation_id}/read
        .service(typing::report_typing)                        // POST   /api/auth/conversations/{conversation_id}/typing
        .service(sync::sync_changes)                           // GET    /api/auth/sync
        .service(search::search_messages)                      // GET    /api/auth/messages/search
        .service(messages::recall_message)                     // DELETE /api/auth/message/recall
        .service(messages::recall_message_plural)              // DELETE /api/auth/messages/recall
        .service(messages::delete_message)                     // DELETE /api/auth/message/delete
        .service(messages::delete_message_plural);             // DELETE /api/auth/messages/delete
}

/// The routes about the server itself.
#[rustfmt::skip]
fn of_the_server(routes: &mut ServiceConfig<'_>) {
    routes
        .service(health::check_liveness)                       // GET    /healthz
        .service(health::check_readiness)                      // GET    /readyz
        .service(info::get_info);                              // GET    /api/info
}

/// The routes of accounts and of the relations between them.
#[rustfmt::skip]
fn of_users(routes: &mut ServiceConfig<'_>) {
    routes
        .service(auth::register_account)                       // POST   /api/register
        .service(auth::log_in_by_uid)                          // POST   /api/login/uid
        .service(auth::log_in_by_phone_number)                 // POST   /api/login/phone_number
        .service(auth::refresh_tokens)                         // POST   /auth/refresh_token
        .service(auth::refresh_tokens_under_api)               // POST   /api/auth/refresh_token
        .service(auth::log_out)                                // POST   /api/auth/logout
        .service(sessions::list_sessions)                      // GET    /api/auth/sessions
        .service(sessions::end_other_sessions)                 // DELETE /api/auth/sessions
        .service(sessions::end_session)                        // DELETE /api/auth/sessions/{session_id}
        .service(sessions::change_password)                    // PUT    /api/auth/me/password
        .service(users::get_me)                                // GET    /api/auth/me
        .service(users::update_me)                             // PATCH  /api/auth/me
        .service(users::erase_account)                         // DELETE /api/auth/me
        .service(export::export_account)                       // GET    /api/auth/me/export
        .service(users::change_uid)                            // PATCH  /api/auth/me/uid
        .service(users::find_user)                             // GET    /api/auth/users
        .service(users::get_user)                              // GET    /api/auth/users/{user_id}
        .service(friendship_requests::send_friend_request)     // POST   /api/auth/friendship_requests
        .service(friendship_requests::list_friend_requests)    // GET    /api/auth/friendship_requests
        .service(friendship_requests::answer_friend_request)   // POST   /api/auth/friendship_requests/{request_id}
        .service(friendship_requests::withdraw_friend_request) // DELETE /api/auth/friendship_requests/{request_id}
        .service(friendships::list_friends)                    // GET    /api/auth/friendships
        .service(friendships::remove_friend)                   // DELETE /api/auth/friendships/{friend_id}
        .service(friendships::set_remark)                      // PUT    /api/auth/friendships/{friend_id}/remark
        .service(blocks::list_blocks)                          // GET    /api/auth/blocks
        .service(blocks::block_user)                           // PUT    /api/auth/blocks/{user_id}
        .service(blocks::unblock_user);                        // DELETE /api/auth/blocks/{user_id}
}
