//! Refusals of messages.

use std::time::Duration;

use super::{RecallRefusal, SendRefusal, SpentQuota};
use crate::error::{PortError, domain_error};

/// Why a use case on messages fails.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The receiver is the sender.
    #[error("a message cannot be sent to its own sender")]
    SelfTarget,
    /// The receiver is not a friend of the sender, or does not exist.
    #[error("the sender and the receiver are not friends")]
    NotFriends,
    /// The receiver blocks the sender.
    #[error("the receiver blocks the sender")]
    Blocked,
    /// The same `client_message_id` was used with another body.
    #[error("the client_message_id was used with another body")]
    IdempotencyConflict,
    /// The sender's quota of messages is used up; holds the time until the next one is allowed.
    #[error("the sender's quota of messages is used up")]
    QuotaUsedUp(Duration),
    /// The sender's quota of text is used up; holds the time until this message is allowed.
    #[error("the sender's quota of text is used up")]
    VolumeUsedUp(Duration),
    /// The message does not exist for this caller, or the caller may not recall it.
    #[error("the message does not exist")]
    UnknownMessage,
    /// The message is older than the recall window.
    #[error("the recall window is over")]
    RecallWindowOver,
    /// The adapter failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(MessageError {
    SelfTarget => Invalid, "cannot_message_oneself";
    NotFriends => Conflict, "not_friends";
    Blocked => Conflict, "blocked";
    IdempotencyConflict => Conflict, "idempotency_conflict";
    QuotaUsedUp(retry_after) => Throttled, "message_quota_used_up";
    VolumeUsedUp(retry_after) => Throttled, "message_volume_used_up";
    UnknownMessage => Invalid, "unknown_message";
    RecallWindowOver => Conflict, "recall_window_over";
});

impl From<SendRefusal> for MessageError {
    fn from(refusal: SendRefusal) -> Self {
        match refusal {
            SendRefusal::NotFriends => Self::NotFriends,
            SendRefusal::Blocked => Self::Blocked,
            SendRefusal::IdempotencyConflict => Self::IdempotencyConflict,
            SendRefusal::OverQuota(spent) => spent.into(),
        }
    }
}

impl From<SpentQuota> for MessageError {
    fn from(spent: SpentQuota) -> Self {
        match spent {
            SpentQuota::Messages(retry_after) => Self::QuotaUsedUp(retry_after),
            SpentQuota::Bytes(retry_after) => Self::VolumeUsedUp(retry_after),
        }
    }
}

impl From<RecallRefusal> for MessageError {
    fn from(refusal: RecallRefusal) -> Self {
        match refusal {
            RecallRefusal::NotYours => Self::UnknownMessage,
            RecallRefusal::WindowOver => Self::RecallWindowOver,
        }
    }
}
