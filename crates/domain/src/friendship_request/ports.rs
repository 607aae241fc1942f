use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Answer, AnswerRefusal, AskRefusal, ListedRequest, RequestRules, VerificationMessage};
use crate::conversation::Pair;
use crate::error::PortError;
use crate::id::{RequestId, UserId};
use crate::page::{Page, PageRequest};

/// Somebody asks.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The two.
    pub pair: Pair,
    /// Which of them asks.
    pub sender: UserId,
    /// What the sender writes.
    pub message: VerificationMessage,
    /// How long it may be answered, and how many the sender may send.
    pub rules: RequestRules,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskOutcome {
    /// The request waits for its answer.
    Created(RequestId),
    /// The other one had asked: that request was accepted and the two are friends.
    Accepted(RequestId),
    /// The receiver is not there or was erased.
    UnknownUser,
    /// The domain refused.
    Refused(AskRefusal),
}

/// What came of answering or withdrawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerOutcome {
    /// It is done.
    Done,
    /// There is no such request.
    Unknown,
    /// The domain refused.
    Refused(AnswerRefusal),
}

/// Whose requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Those that the caller received.
    #[default]
    Received,
    /// Those that the caller sent.
    Sent,
}

/// The sort key of the lists of requests, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCursor {
    /// When the request was sent.
    pub created_at: DateTime<Utc>,
    /// Which of those sent then.
    pub id: RequestId,
}

/// One page of a list of requests.
pub type RequestPage = Page<ListedRequest, RequestCursor>;
/// Which page of a list of requests.
pub type RequestPageRequest = PageRequest<RequestCursor, 1000>;

/// Keeps the friendship requests.
///
/// Each writing method MUST lock the pair's row first and judge time by the database's clock.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait FriendshipRequestRepository: Send + Sync {
    /// Asks, as [`super::decide_ask`] decides; a new request also as [`super::decide_request_limits`] and a friendship as
    /// [`crate::friendship::decide_friendship`] decides. MUST note an overdue request of the pair as expired first, and MUST
    /// end in exactly one friendship when two ask each other at the same time. What is counted MUST NOT grow until the
    /// transaction ends, so that no race exceeds a limit.
    ///
    /// # Errors
    /// Below the port.
    async fn ask(&self, request: &NewRequest) -> Result<AskOutcome, PortError>;

    /// Answers, as [`super::decide_answer`] decides, and acceptance also as [`crate::friendship::decide_friendship`] decides.
    /// It MUST make the friendship in the same transaction, and of several concurrent answers exactly one MUST win. Nobody's
    /// friends MUST become too many by a race.
    ///
    /// # Errors
    /// Below the port.
    async fn answer(
        &self,
        request: RequestId,
        caller: UserId,
        answer: Answer,
    ) -> Result<AnswerOutcome, PortError>;

    /// Withdraws, as [`super::decide_withdrawal`] decides.
    ///
    /// # Errors
    /// Below the port.
    async fn withdraw(&self, request: RequestId, caller: UserId) -> Result<AnswerOutcome, PortError>;

    /// The caller's requests, newest first. MUST show overdue ones as expired.
    ///
    /// # Errors
    /// Below the port.
    async fn list(
        &self,
        caller: UserId,
        direction: Direction,
        page: &RequestPageRequest,
    ) -> Result<RequestPage, PortError>;
}
