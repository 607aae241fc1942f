//! Storage of friendship requests, and the keyset cursor of their lists.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Answer, AnswerRefusal, AskRefusal, ListedRequest, RequestRules, VerificationMessage};
use crate::conversation::Directed;
use crate::error::PortError;
use crate::id::{ConversationId, RequestId, UserId};
use crate::page::{Page, PageKey, PageRequest};

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The sender and, as its peer, the receiver.
    pub from: Directed,
    /// The sender's introduction.
    pub message: VerificationMessage,
    /// The lifetime of the request and the sender's quota.
    pub rules: RequestRules,
}

/// The result of sending a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskOutcome {
    /// The request is stored and pending.
    Created(RequestId),
    /// The pending request of the receiver was accepted; the two are friends.
    Accepted(RequestId),
    /// The receiver does not exist or was erased.
    UnknownUser,
    /// A rule of the domain refused it.
    Refused(AskRefusal),
}

/// The result of an answer or a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerOutcome {
    /// The request is accepted, and the two are friends. Their conversation has this id.
    Accepted(ConversationId),
    /// The request has its new status: rejected or canceled.
    Done,
    /// The request does not exist for the caller.
    Unknown,
    /// A rule of the domain refused it.
    Refused(AnswerRefusal),
}

/// Which of the caller's requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The requests that the caller received.
    #[default]
    Received,
    /// The requests that the caller sent.
    Sent,
}

/// The sort key of the lists of requests, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCursor {
    /// When the request was sent.
    pub created_at: DateTime<Utc>,
    /// The tie-breaker.
    pub id: RequestId,
}

impl PageKey for RequestCursor {
    const MAX_ROWS: i64 = 1000;
}

/// One page of a list of requests.
pub type RequestPage = Page<ListedRequest, RequestCursor>;
/// A request for one page of a list of requests.
pub type RequestPageRequest = PageRequest<RequestCursor>;

/// Stores friendship requests.
///
/// Every writing method MUST lock the pair's row first and use the database's clock.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait FriendshipRequestRepository: Send + Sync {
    /// Sends a request, or accepts the earlier one of the receiver.
    ///
    /// [`super::decide_ask`] decides which, [`super::decide_request_limits`] whether a new request is allowed, and
    /// [`crate::friendship::decide_friendship`] whether a friendship is. An expired request of the pair MUST be marked as
    /// expired first. Two users who send each other requests at the same time MUST end up with exactly one friendship. What
    /// the limits count MUST NOT grow until the transaction ends, so that no race exceeds a limit.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn ask(&self, request: &NewRequest) -> Result<AskOutcome, PortError>;

    /// Accepts or rejects a request, as [`super::decide_answer`] decides.
    ///
    /// Acceptance is also subject to [`crate::friendship::decide_friendship`]; it MUST create the friendship in the same
    /// transaction. Of several concurrent answers exactly one MUST win. A race MUST NOT exceed the friend limit.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn answer(
        &self,
        request: RequestId,
        caller: UserId,
        answer: Answer,
    ) -> Result<AnswerOutcome, PortError>;

    /// Withdraws a request, as [`super::decide_withdrawal`] decides.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn withdraw(&self, request: RequestId, caller: UserId) -> Result<AnswerOutcome, PortError>;

    /// The caller's requests, newest first. Received ones MUST NOT include those that were withdrawn, nor those of users that
    /// the caller blocks. MUST report pending requests past their lifetime as expired.
    ///
    /// # Errors
    /// Any [`PortError`] from the adapter.
    async fn list(
        &self,
        caller: UserId,
        direction: Direction,
        page: &RequestPageRequest,
    ) -> Result<RequestPage, PortError>;
}
