//! The application state: the use-cases that handlers call.

use std::sync::Arc;

use domain::account::{LifecycleService, ProfileService, RegistrationService};
use domain::audit::AuditLog;
use domain::auth::SessionService;
use domain::block::BlockService;
use domain::conversation::ConversationService;
use domain::export::ExportService;
use domain::friendship::FriendshipService;
use domain::friendship_request::FriendshipRequestService;
use domain::message::MessageService;
use domain::realtime::{SyncService, TypingService};
use domain::search::SearchService;

/// The use-cases that the handlers call, one service per feature.
pub struct UseCases {
    /// Account erasure.
    pub accounts: LifecycleService,
    /// Profiles: the caller's own and other users'.
    pub users: ProfileService,
    /// Account exports.
    pub exports: ExportService,
    /// Registration.
    pub registration: RegistrationService,
    /// Records refusals and exports.
    pub audit: Arc<dyn AuditLog>,
    /// Login, tokens and sessions.
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
    /// Catching up.
    pub sync: SyncService,
    /// Reports that one is writing.
    pub typing: TypingService,
    /// Message search.
    pub search: SearchService,
}
