//! Use-cases of messages: send, recall, delete.

use std::sync::Arc;
use std::time::Duration;

use super::{
    ClientMessageId, Draft, MessageBody, MessageError, MessageId, MessageRepository, RecallOutcome,
    SendOutcome, SendQuota, SentMessage, SpentQuota,
};
use crate::conversation::Directed;
use crate::id::UserId;

/// The use cases on messages.
pub struct MessageService {
    messages: Arc<dyn MessageRepository>,
    recall_window: Duration,
    quota: Option<Arc<dyn SendQuota>>,
}

impl MessageService {
    /// Creates the service. A message can be recalled for `recall_window` after it was stored; without a `quota` sending is
    /// unlimited.
    #[must_use]
    pub fn new(
        messages: Arc<dyn MessageRepository>,
        recall_window: Duration,
        quota: Option<Arc<dyn SendQuota>>,
    ) -> Self {
        Self { messages, recall_window, quota }
    }

    /// Sends a message to a friend. On return the message is stored durably, exactly once per `client_message_id`.
    ///
    /// # Errors
    /// [`MessageError::SelfTarget`], [`MessageError::NotFriends`], [`MessageError::Blocked`],
    /// [`MessageError::IdempotencyConflict`], [`MessageError::QuotaUsedUp`], [`MessageError::VolumeUsedUp`].
    pub async fn send(
        &self,
        caller: UserId,
        receiver: UserId,
        body: MessageBody,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<SentMessage, MessageError> {
        let from = Directed::new(caller, receiver).ok_or(MessageError::SelfTarget)?;
        let over_quota = self.charge(caller, &body, client_message_id.as_ref())?;
        match self.messages.send(Draft { from, body, client_message_id, over_quota }).await? {
            SendOutcome::Sent(message) => Ok(message),
            SendOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Charges the sender's quota. Whether a message is a repeat is known only to the database, so a repeat counts as well. But a
    /// client that repeats messages because their answers were lost gets these answers even if the quota is used up: then the
    /// quota is returned, and the message with a key is looked up.
    fn charge(
        &self,
        sender: UserId,
        body: &MessageBody,
        key: Option<&ClientMessageId>,
    ) -> Result<Option<SpentQuota>, MessageError> {
        let Some(quota) = &self.quota else { return Ok(None) };
        let bytes = body.text().map_or(0, |text| text.as_str().len());
        match quota.spend(sender, bytes) {
            Ok(()) => Ok(None),
            Err(spent) if key.is_some() && quota.spend_repeat(sender) => Ok(Some(spent)),
            Err(spent) => Err(spent.into()),
        }
    }

    /// Recalls a message for both members, within the recall window, and erases its body. Idempotent.
    ///
    /// # Errors
    /// [`MessageError::UnknownMessage`], [`MessageError::RecallWindowOver`].
    pub async fn recall(&self, caller: UserId, message: MessageId) -> Result<(), MessageError> {
        match self.messages.recall(message, caller, self.recall_window).await? {
            RecallOutcome::Done(_) => Ok(()),
            RecallOutcome::Unknown => Err(MessageError::UnknownMessage),
            RecallOutcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Hides a message for the caller only. Idempotent.
    ///
    /// # Errors
    /// [`MessageError::UnknownMessage`].
    pub async fn delete(&self, caller: UserId, message: MessageId) -> Result<(), MessageError> {
        if self.messages.delete_for(caller, message).await? {
            Ok(())
        } else {
            Err(MessageError::UnknownMessage)
        }
    }
}
