//! Friendship requests: sending, answering and withdrawing them.

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::FriendshipRequestError;
pub use model::{
    Answer, AnswerRefusal, AskDecision, AskRefusal, FriendshipRequest, ListedRequest, RequestAllowance,
    RequestRules, RequestStatus, VerificationMessage, decide_answer, decide_ask, decide_request_limits,
    decide_withdrawal,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockFriendshipRequestRepository;
pub use ports::{
    AnswerOutcome, AskOutcome, Direction, FriendshipRequestRepository, NewRequest, RequestCursor,
    RequestPage, RequestPageRequest,
};
pub use service::FriendshipRequestService;
