//! Hongyan's REST adapter: maps the contract onto the use-cases.
//!
//! Handlers translate and decide nothing. This crate must not know of Diesel or of anything else below the domain's
//! ports; it is given the use-cases ([`UseCases`]) and a way to ask whether the instance can serve ([`ReadinessProbe`]).

mod blocks;
mod catalogue;
mod conversations;
mod cursor;
mod description;
mod devices;
mod envelope;
mod error;
mod export_json;
mod export_stream;
mod exports;
mod extract;
mod fallback;
mod friendship_requests;
mod friendships;
mod headers;
mod health;
mod journal;
mod language;
mod messages;
mod openapi;
mod polled;
mod proxies;
mod render;
mod routes;
mod search;
mod sessions;
mod shapes;
mod text;
mod unread;
mod users;
mod waiting;

pub use health::ReadinessProbe;
pub use journal::{Answered, RequestObserver};
pub use openapi::document;
pub use proxies::{NotANetwork, TrustedProxies};
pub use routes::{ApiSettings, app};
pub use waiting::waiting_app;

use std::sync::Arc;

use domain::account::{AccountService, RegistrationService, UserService};
use domain::auth::SessionService;
use domain::block::BlockService;
use domain::conversation::ConversationService;
use domain::export::ExportService;
use domain::friendship::FriendshipService;
use domain::friendship_request::FriendshipRequestService;
use domain::message::MessageService;
use domain::search::SearchService;

/// The use-cases that the handlers call, one service per feature.
pub struct UseCases {
    /// Accounts as a whole.
    pub accounts: AccountService,
    /// Accounts.
    pub users: UserService,
    /// Registration.
    pub registration: RegistrationService,
    /// Exports.
    pub exports: ExportService,
    /// Login, sessions and tokens.
    pub sessions: Arc<SessionService>,
    /// Friendship requests.
    pub friendship_requests: FriendshipRequestService,
    /// Friendships.
    pub friendships: FriendshipService,
    /// Blocks.
    pub blocks: BlockService,
    /// Conversations.
    pub conversations: ConversationService,
    /// Messages.
    pub messages: MessageService,
    /// Searching them.
    pub search: SearchService,
}
