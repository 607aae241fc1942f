use super::{AnswerRefusal, AskRefusal};
use crate::error::{RepositoryError, domain_error};

/// Why a use-case on friendship requests refuses.
#[derive(Debug, thiserror::Error)]
pub enum FriendshipRequestError {
    /// One cannot be one's own friend.
    #[error("one cannot befriend oneself")]
    Oneself,
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
    Repository(#[from] RepositoryError),
}

domain_error!(FriendshipRequestError {
    Oneself => Invalid, "cannot_befriend_oneself";
    UnknownUser => Invalid, "unknown_user";
    AlreadyFriends => Conflict, "already_friends";
    AlreadyPending => Conflict, "request_already_pending";
    Blocked => Conflict, "blocked";
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
        }
    }
}

impl From<AnswerRefusal> for FriendshipRequestError {
    fn from(refusal: AnswerRefusal) -> Self {
        match refusal {
            AnswerRefusal::NotYours => Self::UnknownRequest,
            AnswerRefusal::AlreadyAnswered => Self::AlreadyAnswered,
            AnswerRefusal::Expired => Self::Expired,
        }
    }
}
