//! Use-cases of conversations: list, open, mark as read, pin, mute, clear.

use std::sync::Arc;

use super::{
    ConversationError, ConversationPage, ConversationPageRequest, ConversationRepository, ConversationWindow,
    Preferences, ReadPosition, WindowRequest,
};
use crate::id::{ConversationId, UserId};
use crate::message::Seq;

/// The use cases on conversations.
pub struct ConversationService {
    conversations: Arc<dyn ConversationRepository>,
    read_receipts: bool,
}

impl ConversationService {
    /// Creates the service. Without `read_receipts` no member sees how far the other has read.
    #[must_use]
    pub fn new(conversations: Arc<dyn ConversationRepository>, read_receipts: bool) -> Self {
        Self { conversations, read_receipts }
    }

    /// The caller's conversations, pinned first, then latest activity.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn list(
        &self,
        caller: UserId,
        page: &ConversationPageRequest,
    ) -> Result<ConversationPage, ConversationError> {
        let mut page = self.conversations.list(caller, page).await?;
        for conversation in &mut page.items {
            conversation.peer_read_seq = conversation.peer_read_seq.filter(|_| self.read_receipts);
        }
        Ok(page)
    }

    /// A window of a conversation's history. Does not move the read position.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn open(
        &self,
        caller: UserId,
        conversation: ConversationId,
        request: &WindowRequest,
    ) -> Result<ConversationWindow, ConversationError> {
        let window = self.conversations.window(caller, conversation, request).await?;
        let window = window.ok_or(ConversationError::UnknownConversation)?;
        Ok(ConversationWindow {
            peer_read_seq: window.peer_read_seq.filter(|_| self.read_receipts),
            ..window
        })
    }

    /// Marks messages as read up to `seq`; never moves backwards or past the newest message.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn mark_read(
        &self,
        caller: UserId,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<ReadPosition, ConversationError> {
        self.conversations
            .mark_read(caller, conversation, seq)
            .await?
            .ok_or(ConversationError::UnknownConversation)
    }

    /// Pins or mutes a conversation for the caller.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn set_preferences(
        &self,
        caller: UserId,
        conversation: ConversationId,
        preferences: Preferences,
    ) -> Result<(), ConversationError> {
        require_found(self.conversations.set_preferences(caller, conversation, preferences).await?)
    }

    /// Clears the caller's history of a conversation and hides it until the next message.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn clear(&self, caller: UserId, conversation: ConversationId) -> Result<(), ConversationError> {
        require_found(self.conversations.clear(caller, conversation).await?)
    }
}

const fn require_found(found: bool) -> Result<(), ConversationError> {
    if found { Ok(()) } else { Err(ConversationError::UnknownConversation) }
}
