//! Storage of conversations, and the keyset cursor of their list.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{ConversationSummary, ConversationWindow, Preferences, ReadPosition, WindowRequest};
use crate::error::PortError;
use crate::id::{ConversationId, UserId};
use crate::message::Seq;
use crate::page::{Page, PageKey, PageRequest};

/// The keyset cursor of a conversation list: pinned first, then latest activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationCursor {
    /// Whether the last entry of the page was pinned.
    pub pinned: bool,
    /// The time of its latest activity.
    pub updated_at: DateTime<Utc>,
    /// The tie-breaker among equal times.
    pub id: ConversationId,
}

impl PageKey for ConversationCursor {
    const MAX_ROWS: i64 = 1000;
}

/// One page of a conversation list.
pub type ConversationPage = Page<ConversationSummary, ConversationCursor>;
/// A request for one page of a conversation list.
pub type ConversationPageRequest = PageRequest<ConversationCursor>;

/// Stores each member's view of a conversation. A conversation MUST NOT exist for anyone but its members.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ConversationRepository: Send + Sync {
    /// The member's conversations that are not hidden, pinned first, then latest activity. The peers' read positions MUST be those
    /// of the window.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn list(
        &self,
        member: UserId,
        page: &ConversationPageRequest,
    ) -> Result<ConversationPage, PortError>;

    /// A conversation and a window of its history, from one snapshot. MUST change nothing. While either member blocks the other,
    /// and after that until the peer reads again, the peer's read position MUST stay where it was when the block began. It MUST NOT be
    /// shown unless the two are friends and both share it.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn window(
        &self,
        member: UserId,
        conversation: ConversationId,
        request: &WindowRequest,
    ) -> Result<Option<ConversationWindow>, PortError>;

    /// Moves the read position to `seq`. MUST NOT move it backwards or past the newest message.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn mark_read(
        &self,
        member: UserId,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Option<ReadPosition>, PortError>;

    /// Pins or mutes. Returns `false` if the conversation does not exist.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn set_preferences(
        &self,
        member: UserId,
        conversation: ConversationId,
        preferences: Preferences,
    ) -> Result<bool, PortError>;

    /// Clears the member's history and hides the conversation until the next message. Returns `false` if the conversation
    /// does not exist.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn clear(&self, member: UserId, conversation: ConversationId) -> Result<bool, PortError>;
}
