//! Refusals of friendship requests.

use std::time::Duration;

use super::{AnswerRefusal, AskRefusal};
use crate::error::{PortError, domain_error};
use crate::friendship::FriendLimit;

/// The errors of the use-cases on friendship requests.
#[derive(Debug, thiserror::Error)]
pub enum FriendshipRequestError {
    /// The receiver is the caller.
    #[error("a user cannot befriend themselves")]
    SelfTarget,
    /// The receiver does not exist or was erased.
    #[error("the user does not exist")]
    UnknownUser,
    /// The two users are already friends.
    #[error("the two users are already friends")]
    AlreadyFriends,
    /// An earlier request of the caller to the receiver is still pending.
    #[error("a request to this user is pending")]
    AlreadyPending,
    /// The receiver blocks the sender.
    #[error("the receiver blocks the sender")]
    Blocked,
    /// The caller has reached the limit of pending requests.
    #[error("too many requests of this sender are pending")]
    TooManyPending,
    /// The caller's daily quota is used up for this long.
    #[error("the sender's quota of requests is used up")]
    QuotaUsedUp(Duration),
    /// The caller's daily quota of requests to this receiver is used up for this long.
    #[error("the sender's quota of requests to this receiver is used up")]
    PairQuotaUsedUp(Duration),
    /// The caller has reached the friend limit.
    #[error("the caller has too many friends")]
    TooManyFriends,
    /// The other user has reached the friend limit.
    #[error("the other user has too many friends")]
    OtherHasTooManyFriends,
    /// The request does not exist for this caller.
    #[error("the request does not exist")]
    UnknownRequest,
    /// The request was accepted, rejected or withdrawn before.
    #[error("the request was already answered")]
    AlreadyAnswered,
    /// The request's lifetime has passed.
    #[error("the request has expired")]
    Expired,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(FriendshipRequestError {
    SelfTarget => Invalid, "cannot_befriend_oneself";
    UnknownUser => Invalid, "unknown_user";
    AlreadyFriends => Conflict, "already_friends";
    AlreadyPending => Conflict, "request_already_pending";
    Blocked => Conflict, "blocked";
    TooManyPending => Conflict, "pending_request_limit_reached";
    QuotaUsedUp(retry_after) => Throttled, "request_quota_used_up";
    PairQuotaUsedUp(retry_after) => Throttled, "pair_request_quota_used_up";
    TooManyFriends => Conflict, "friend_limit_reached";
    OtherHasTooManyFriends => Conflict, "friend_limit_of_other_reached";
    UnknownRequest => Invalid, "unknown_request";
    AlreadyAnswered => Conflict, "request_already_answered";
    Expired => Conflict, "request_expired";
});

impl From<AskRefusal> for FriendshipRequestError {
    fn from(refusal: AskRefusal) -> Self {
        match refusal {
            AskRefusal::AlreadyFriends => Self::AlreadyFriends,
            AskRefusal::AlreadyPending => Self::AlreadyPending,
            AskRefusal::Blocked => Self::Blocked,
            AskRefusal::TooManyPending => Self::TooManyPending,
            AskRefusal::QuotaUsedUp(retry_after) => Self::QuotaUsedUp(retry_after),
            AskRefusal::PairQuotaUsedUp(retry_after) => Self::PairQuotaUsedUp(retry_after),
            AskRefusal::FriendLimit(limit) => limit.into(),
        }
    }
}

impl From<FriendLimit> for FriendshipRequestError {
    fn from(limit: FriendLimit) -> Self {
        match limit {
            FriendLimit::Own => Self::TooManyFriends,
            FriendLimit::Peer => Self::OtherHasTooManyFriends,
        }
    }
}

impl From<AnswerRefusal> for FriendshipRequestError {
    fn from(refusal: AnswerRefusal) -> Self {
        match refusal {
            AnswerRefusal::NotYours => Self::UnknownRequest,
            AnswerRefusal::AlreadyAnswered => Self::AlreadyAnswered,
            AnswerRefusal::Expired => Self::Expired,
            AnswerRefusal::FriendLimit(limit) => limit.into(),
        }
    }
}
