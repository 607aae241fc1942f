use std::time::Duration;

use async_trait::async_trait;

use super::{Draft, MessageId, RecallDecision, RecallRefusal, SendOutcome};
use crate::error::PortError;
use crate::id::UserId;

/// What came of a recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallOutcome {
    /// The text is gone.
    Done(RecallDecision),
    /// There is no such message.
    Unknown,
    /// The domain refused.
    Refused(RecallRefusal),
}

/// Keeps the messages.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send + Sync {
    /// Stores what [`super::decide_send`] allows, one outcome per draft, in their order.
    ///
    /// MUST be durable when it returns. MUST give each conversation's messages the places 1, 2, 3… without gaps, in commit
    /// order. MUST store a `client_message_id` once per sender and receiver, for ever and on every instance.
    ///
    /// # Errors
    /// Below the port; then nothing was stored, or it is not known whether it was.
    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<SendOutcome>, PortError>;

    /// Erases a message's text, as [`super::decide_recall`] decides by the database's clock.
    ///
    /// # Errors
    /// Below the port.
    async fn recall(
        &self,
        message: MessageId,
        caller: UserId,
        window: Duration,
    ) -> Result<RecallOutcome, PortError>;

    /// Hides a message for `caller` only; repeating changes nothing. Is false when the caller is not a member of its
    /// conversation or there is no such message.
    ///
    /// # Errors
    /// Below the port.
    async fn delete_for(&self, caller: UserId, message: MessageId) -> Result<bool, PortError>;
}

/// Keeps a sender from flooding others.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait SendQuota: Send + Sync {
    /// Counts one more message of `sender`. MUST NOT count one that is too many, and MUST NOT remember senders for ever.
    ///
    /// # Errors
    /// How long to wait, when it is too many.
    fn spend(&self, sender: UserId) -> Result<(), Duration>;
}
