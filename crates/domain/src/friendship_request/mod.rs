//! Friendship requests: sending, answering and withdrawing them.

mod decisions;
mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use decisions::{
    AnswerRefusal, AskDecision, AskRefusal, RequestAllowance, decide_answer, decide_ask,
    decide_request_limits, decide_withdrawal,
};
pub use error::FriendshipRequestError;
pub use model::{Answer, FriendshipRequest, ListedRequest, RequestRules, RequestStatus, VerificationMessage};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockFriendshipRequestRepository;
pub use ports::{
    AnswerOutcome, AskOutcome, Direction, FriendshipRequestRepository, NewRequest, RequestCursor,
    RequestPage, RequestPageRequest,
};
pub use service::FriendshipRequestService;
