use std::time::Duration;

use super::{AnswerRefusal, AskRefusal};
use crate::error::{PortError, domain_error};
use crate::friendship::FriendLimit;

/// Why a use-case on friendship requests refuses.
#[derive(Debug, thiserror::Error)]
pub enum FriendshipRequestError {
    /// One cannot be one's own friend.
    #[error("one cannot befriend oneself")]
    SelfTarget,
    /// The receiver is not there or was erased.
    #[error("there is no such user")]
    UnknownUser,
    /// The two are friends.
    #[error("the two are friends already")]
    AlreadyFriends,
    /// The same question waits for its answer.
    #[error("a request to this user is pending")]
    AlreadyPending,
    /// The receiver blocks the sender.
    #[error("the receiver refuses requests of this sender")]
    Blocked,
    /// Too many of the caller's requests wait for their answers.
    #[error("too many requests of this sender are pending")]
    TooManyPending,
    /// The caller has asked too often; it may be tried again after this time.
    #[error("the sender's quota of requests is used up")]
    QuotaUsedUp(Duration),
    /// The caller has as many friends as one may have.
    #[error("the caller has too many friends")]
    TooManyFriends,
    /// The other one has as many friends as one may have.
    #[error("the other one has too many friends")]
    OtherHasTooManyFriends,
    /// There is no such request for this caller.
    #[error("there is no such request")]
    UnknownRequest,
    /// It was accepted, rejected or withdrawn before.
    #[error("the request was answered already")]
    AlreadyAnswered,
    /// Its time is over.
    #[error("the request has expired")]
    Expired,
    /// Below the port.
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
