use std::sync::Arc;

use super::{
    ConversationError, ConversationPage, ConversationPageRequest, ConversationRepository, ConversationWindow,
    Preferences, ReadPosition, WindowRequest,
};
use crate::id::{ConversationId, UserId};
use crate::message::Seq;

/// The use-cases on conversations.
pub struct ConversationService {
    conversations: Arc<dyn ConversationRepository>,
}

impl ConversationService {
    /// Wires the use-cases.
    #[must_use]
    pub fn new(conversations: Arc<dyn ConversationRepository>) -> Self {
        Self { conversations }
    }

    /// The caller's conversations, pinned first, then newest activity.
    ///
    /// # Errors
    /// Below the port.
    pub async fn list(
        &self,
        caller: UserId,
        page: &ConversationPageRequest,
    ) -> Result<ConversationPage, ConversationError> {
        Ok(self.conversations.list(caller, page).await?)
    }

    /// Opens a conversation at one place of its history. It moves no read position.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn open(
        &self,
        caller: UserId,
        conversation: ConversationId,
        request: &WindowRequest,
    ) -> Result<ConversationWindow, ConversationError> {
        self.conversations
            .window(caller, conversation, request)
            .await?
            .ok_or(ConversationError::UnknownConversation)
    }

    /// Notes that the caller has read up to `seq`; never back, never beyond the newest message.
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
        known(self.conversations.set_preferences(caller, conversation, preferences).await?)
    }

    /// Clears what the caller sees of a conversation and hides it until a new message comes.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn clear(&self, caller: UserId, conversation: ConversationId) -> Result<(), ConversationError> {
        known(self.conversations.clear(caller, conversation).await?)
    }
}

const fn known(found: bool) -> Result<(), ConversationError> {
    if found { Ok(()) } else { Err(ConversationError::UnknownConversation) }
}
