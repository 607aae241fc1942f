//! The decisions on friendship requests: pure functions of the locked rows and the database's time.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{FriendshipRequest, RequestStatus};
use crate::conversation::{PairState, Side};
use crate::friendship::FriendLimit;
use crate::id::{RequestId, UserId};

/// What sending a request leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskDecision {
    /// A new pending request.
    Create,
    /// The acceptance of the pending request that the receiver sent earlier.
    Accept(RequestId),
    /// A refusal.
    Refuse(AskRefusal),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskRefusal {
    /// The two users are already friends.
    AlreadyFriends,
    /// An earlier request of the sender to the receiver is still pending.
    AlreadyPending,
    /// The receiver blocks the sender.
    Blocked,
    /// [`RequestAllowance::MAX_PENDING`] requests of the sender are pending.
    TooManyPending,
    /// The sender's daily quota is used up for this long.
    QuotaUsedUp(Duration),
    /// The sender's daily quota of requests to this receiver is used up for this long.
    PairQuotaUsedUp(Duration),
    /// The request would accept an earlier one and exceed the friend limit.
    FriendLimit(FriendLimit),
}

/// Decides what a request from the member on the side `from` of the locked `pair` to the other member leads to.
///
/// `pending` is the pair's pending request, if it has not expired.
#[must_use]
pub fn decide_ask(pair: &PairState, from: Side, pending: Option<&FriendshipRequest>) -> AskDecision {
    if pair.friends {
        return AskDecision::Refuse(AskRefusal::AlreadyFriends);
    }
    if pair.is_blocked(from) {
        return AskDecision::Refuse(AskRefusal::Blocked);
    }
    match pending {
        None => AskDecision::Create,
        Some(request) if request.sender == pair.pair.member(from) => {
            AskDecision::Refuse(AskRefusal::AlreadyPending)
        }
        Some(request) => AskDecision::Accept(request.id),
    }
}

/// The counts that decide whether a sender may send one more request, taken while the sender's account is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestAllowance {
    /// The sender's requests that are pending and not expired.
    pub pending: i64,
    /// When the N-th most recent request was sent, where N is the quota; `None` without a quota or with fewer requests.
    pub quota_window_start: Option<DateTime<Utc>>,
    /// The same for the sender's requests to this receiver. Accepted ones do not count: friends may part and meet again.
    pub pair_window_start: Option<DateTime<Utc>>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

impl RequestAllowance {
    /// The maximum number of pending requests of one sender.
    pub const MAX_PENDING: i64 = 100;
    /// The length of the sliding window that the quotas apply to.
    pub const QUOTA_WINDOW: Duration = Duration::from_secs(86_400);

    /// How long a request of this time still counts; `None` if it does not.
    fn left_of_window(&self, asked_at: Option<DateTime<Utc>>) -> Option<Duration> {
        // The time lies in the future if the clock was set back; then no part of the window has passed.
        let passed = self.now.signed_duration_since(asked_at?).to_std().unwrap_or_default();
        Self::QUOTA_WINDOW.checked_sub(passed).filter(|left| !left.is_zero())
    }
}

/// Rate-limits requests: a cap on pending ones, and quotas over a sliding window of a day, of the sender and of the pair.
///
/// The cap takes precedence, because waiting alone does not lift it.
///
/// # Errors
/// [`AskRefusal::TooManyPending`], [`AskRefusal::QuotaUsedUp`], [`AskRefusal::PairQuotaUsedUp`].
pub fn decide_request_limits(allowance: &RequestAllowance) -> Result<(), AskRefusal> {
    if allowance.pending >= RequestAllowance::MAX_PENDING {
        return Err(AskRefusal::TooManyPending);
    }
    if let Some(left) = allowance.left_of_window(allowance.quota_window_start) {
        return Err(AskRefusal::QuotaUsedUp(left));
    }
    match allowance.left_of_window(allowance.pair_window_start) {
        Some(left) => Err(AskRefusal::PairQuotaUsedUp(left)),
        None => Ok(()),
    }
}

/// Why an answer or a withdrawal is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRefusal {
    /// The caller is not the user who may do this.
    NotYours,
    /// The request was accepted, rejected or withdrawn before.
    AlreadyAnswered,
    /// The request's lifetime has passed.
    Expired,
    /// Acceptance would exceed the friend limit.
    FriendLimit(FriendLimit),
}

/// Decides whether `caller` may answer `request`, which is locked, at the database's time `now`.
///
/// # Errors
/// The reason of the refusal.
pub fn decide_answer(
    request: &FriendshipRequest,
    caller: UserId,
    now: DateTime<Utc>,
) -> Result<(), AnswerRefusal> {
    if request.receiver == caller { require_pending(request, now) } else { Err(AnswerRefusal::NotYours) }
}

/// Decides whether `caller` may withdraw `request`, which is locked, at the database's time `now`.
///
/// # Errors
/// The reason of the refusal.
pub fn decide_withdrawal(
    request: &FriendshipRequest,
    caller: UserId,
    now: DateTime<Utc>,
) -> Result<(), AnswerRefusal> {
    if request.sender == caller { require_pending(request, now) } else { Err(AnswerRefusal::NotYours) }
}

fn require_pending(request: &FriendshipRequest, now: DateTime<Utc>) -> Result<(), AnswerRefusal> {
    match request.status.at(now, request.expires_at) {
        RequestStatus::Pending => Ok(()),
        RequestStatus::Expired => Err(AnswerRefusal::Expired),
        RequestStatus::Accepted | RequestStatus::Rejected | RequestStatus::Canceled => {
            Err(AnswerRefusal::AlreadyAnswered)
        }
    }
}
