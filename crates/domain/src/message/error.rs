use std::time::Duration;

use super::{RecallRefusal, SendRefusal};
use crate::error::{PortError, domain_error};

/// Why a use-case on messages refuses.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// One cannot write to oneself.
    #[error("one cannot write to oneself")]
    SelfTarget,
    /// The receiver is not a friend of the sender, or not there at all.
    #[error("the two are not friends")]
    NotFriends,
    /// The receiver blocks the sender.
    #[error("the receiver refuses messages of this sender")]
    Blocked,
    /// The same `client_message_id` came before with another text.
    #[error("the client_message_id was used with another text")]
    IdempotencyConflict,
    /// The sender has sent too many within a minute; it may be tried again after this time.
    #[error("the sender's quota of messages is used up")]
    QuotaUsedUp(Duration),
    /// For this caller there is no such message, or it is not the caller's to recall.
    #[error("there is no such message")]
    UnknownMessage,
    /// It was sent too long ago.
    #[error("the recall window is over")]
    RecallWindowOver,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(MessageError {
    SelfTarget => Invalid, "cannot_message_oneself";
    NotFriends => Conflict, "not_friends";
    Blocked => Conflict, "blocked";
    IdempotencyConflict => Conflict, "idempotency_conflict";
    QuotaUsedUp(retry_after) => Throttled, "message_quota_used_up";
    UnknownMessage => Invalid, "unknown_message";
    RecallWindowOver => Conflict, "recall_window_over";
});

impl From<SendRefusal> for MessageError {
    fn from(refusal: SendRefusal) -> Self {
        match refusal {
            SendRefusal::NotFriends => Self::NotFriends,
            SendRefusal::Blocked => Self::Blocked,
            SendRefusal::IdempotencyConflict => Self::IdempotencyConflict,
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
