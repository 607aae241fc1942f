use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{ConversationSummary, ConversationWindow, Preferences, ReadPosition, WindowRequest};
use crate::error::PortError;
use crate::id::{ConversationId, UserId};
use crate::message::Seq;
use crate::page::{Page, PageRequest};

/// The sort key of the list of conversations: pinned first, then newest activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationCursor {
    /// Whether the last row was pinned.
    pub pinned: bool,
    /// Its activity.
    pub updated_at: DateTime<Utc>,
    /// Which of those active then.
    pub id: ConversationId,
}

/// One page of the list of conversations.
pub type ConversationPage = Page<ConversationSummary, ConversationCursor>;
/// Which page of the list of conversations.
pub type ConversationPageRequest = PageRequest<ConversationCursor, 1000>;

/// Keeps how each member sees a conversation. What is not the caller's MUST be answered as if it did not exist.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ConversationRepository: Send + Sync {
    /// The member's conversations that are not hidden, pinned first, then newest activity.
    ///
    /// # Errors
    /// Below the port.
    async fn list(
        &self,
        member: UserId,
        page: &ConversationPageRequest,
    ) -> Result<ConversationPage, PortError>;

    /// One conversation and a part of its history, as one moment shows them. MUST change nothing.
    ///
    /// # Errors
    /// Below the port.
    async fn window(
        &self,
        member: UserId,
        conversation: ConversationId,
        request: &WindowRequest,
    ) -> Result<Option<ConversationWindow>, PortError>;

    /// Moves the read position to `seq`. MUST NOT move it back nor beyond the newest message.
    ///
    /// # Errors
    /// Below the port.
    async fn mark_read(
        &self,
        member: UserId,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Option<ReadPosition>, PortError>;

    /// Pins or mutes. Is false when there is no such conversation.
    ///
    /// # Errors
    /// Below the port.
    async fn set_preferences(
        &self,
        member: UserId,
        conversation: ConversationId,
        preferences: Preferences,
    ) -> Result<bool, PortError>;

    /// Clears what the member sees and hides the conversation until a new message comes. Is false when there is no such
    /// conversation.
    ///
    /// # Errors
    /// Below the port.
    async fn clear(&self, member: UserId, conversation: ConversationId) -> Result<bool, PortError>;
}
