//! Storage of messages, and the quota on sends.

use std::time::Duration;

use async_trait::async_trait;

use super::{Draft, MessageId, RecallDecision, RecallRefusal, SendOutcome, SpentQuota};
use crate::error::PortError;
use crate::id::UserId;

/// The result of a recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallOutcome {
    /// The body is erased.
    Done(RecallDecision),
    /// The message does not exist, or the caller did not send it.
    Unknown,
    /// [`super::decide_recall`] refused.
    Refused(RecallRefusal),
}

/// Stores messages.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send + Sync {
    /// Stores a draft if [`super::decide_send`] accepts it.
    ///
    /// MUST be durable when it returns. MUST assign each conversation's messages the positions 1, 2, 3… without gaps, in
    /// commit order. MUST store a `client_message_id` once per sender and receiver, permanently and across all instances.
    ///
    /// # Errors
    /// Any `PortError` from the adapter; then nothing was stored, or the outcome is unknown.
    async fn send(&self, draft: Draft) -> Result<SendOutcome, PortError>;

    /// Erases a message's body if [`super::decide_recall`] permits it at the database's time.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn recall(
        &self,
        message: MessageId,
        caller: UserId,
        window: Duration,
    ) -> Result<RecallOutcome, PortError>;

    /// Hides a message for `caller` only. Idempotent. Returns `false` if the message does not exist or the caller is not a
    /// member of its conversation.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn delete_for(&self, caller: UserId, message: MessageId) -> Result<bool, PortError>;
}

/// Rate limiter for sending messages.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait SendQuota: Send + Sync {
    /// Counts one more message of `sender` with a text of this length. MUST NOT count a refused message, and MUST NOT keep idle
    /// senders in memory.
    ///
    /// # Errors
    /// The quota that is used up.
    fn spend(&self, sender: UserId, bytes: usize) -> Result<(), SpentQuota>;

    /// Whether a message of `sender` beyond the quota may be looked up, because it may be a repeat of a stored one. MUST be
    /// limited as well.
    fn spend_repeat(&self, sender: UserId) -> bool;
}
