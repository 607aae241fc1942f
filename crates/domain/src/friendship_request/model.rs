//! The state machine of a friendship request, and the decisions on asking and answering.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::account::DisplayName;
use crate::conversation::{PairState, Side};
use crate::error::{InvalidValue, Rule};
use crate::friendship::FriendLimit;
use crate::id::{RequestId, UserId};

/// 验证消息, the sender's introduction: at most 128 characters, possibly empty, stored and returned exactly as sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerificationMessage(String);

impl VerificationMessage {
    const MAX: usize = 128;

    /// Checks a message that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.chars().count() > Self::MAX {
            return Err(InvalidValue::new(Rule::Length { min: 0, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(Rule::Characters));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, possibly empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    /// The request awaits an answer.
    Pending,
    /// The receiver accepted it, or sent a request to the sender.
    Accepted,
    /// The receiver rejected it.
    Rejected,
    /// Its lifetime passed without an answer.
    Expired,
    /// The sender withdrew it.
    Canceled,
}

impl RequestStatus {
    const ALL: [Self; 5] = [Self::Pending, Self::Accepted, Self::Rejected, Self::Expired, Self::Canceled];

    /// The stable name, the same in the API and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The status at the time `now`. A pending request counts as expired from `expires_at` on, whether or not the stored
    /// status has been updated.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>, expires_at: DateTime<Utc>) -> Self {
        if self == Self::Pending && expires_at <= now { Self::Expired } else { self }
    }
}

/// The part of a request that rules depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FriendshipRequest {
    /// The request's id.
    pub id: RequestId,
    /// The user who sent it.
    pub sender: UserId,
    /// The user who received it.
    pub receiver: UserId,
    /// The stored status.
    pub status: RequestStatus,
    /// The first moment at which it can no longer be answered.
    pub expires_at: DateTime<Utc>,
}

/// A request in the list of its sender or receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRequest {
    /// The request's id.
    pub id: RequestId,
    /// The other user: the sender of a received request, the receiver of a sent one.
    pub peer: UserId,
    /// The other user's current name.
    pub peer_name: DisplayName,
    /// The sender's introduction.
    pub verification_message: VerificationMessage,
    /// The status when the list was read.
    pub status: RequestStatus,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

/// The receiver's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Become friends.
    Accept,
    /// Do not become friends.
    Reject,
}

impl Answer {
    /// Parses the status that the receiver wants the request to have: `accepted` or `rejected`.
    ///
    /// # Errors
    /// [`Rule::OneOf`].
    pub fn parse(status: &str) -> Result<Self, InvalidValue> {
        match RequestStatus::from_name(status) {
            Some(RequestStatus::Accepted) => Ok(Self::Accept),
            Some(RequestStatus::Rejected) => Ok(Self::Reject),
            _ => Err(InvalidValue::new(Rule::OneOf(&["accepted", "rejected"]))),
        }
    }
}

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

/// The configured rules for requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRules {
    /// How long a request can be answered.
    pub time_to_live: Duration,
    /// The maximum number of requests of one sender within a day; `None` for no quota.
    pub per_day: Option<NonZeroU32>,
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
    /// The database's time.
    pub now: DateTime<Utc>,
}

impl RequestAllowance {
    /// The maximum number of pending requests of one sender.
    pub const MAX_PENDING: i64 = 100;
    /// The length of the sliding window that the quota applies to.
    pub const DAY: Duration = Duration::from_secs(86_400);
}

/// Rate-limits requests: a cap on pending ones and a quota over a sliding window of a day.
///
/// The cap takes precedence, because waiting alone does not lift it.
///
/// # Errors
/// [`AskRefusal::TooManyPending`], [`AskRefusal::QuotaUsedUp`].
pub fn decide_request_limits(opening: &RequestAllowance) -> Result<(), AskRefusal> {
    if opening.pending >= RequestAllowance::MAX_PENDING {
        return Err(AskRefusal::TooManyPending);
    }
    let Some(asked_at) = opening.quota_window_start else { return Ok(()) };
    // The time lies in the future if the clock was set back; then no part of the day has passed.
    let passed = opening.now.signed_duration_since(asked_at).to_std().unwrap_or_default();
    match RequestAllowance::DAY.checked_sub(passed) {
        Some(left) if !left.is_zero() => Err(AskRefusal::QuotaUsedUp(left)),
        _ => Ok(()),
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
    if request.receiver == caller { is_open(request, now) } else { Err(AnswerRefusal::NotYours) }
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
    if request.sender == caller { is_open(request, now) } else { Err(AnswerRefusal::NotYours) }
}

fn is_open(request: &FriendshipRequest, now: DateTime<Utc>) -> Result<(), AnswerRefusal> {
    match request.status.at(now, request.expires_at) {
        RequestStatus::Pending => Ok(()),
        RequestStatus::Expired => Err(AnswerRefusal::Expired),
        RequestStatus::Accepted | RequestStatus::Rejected | RequestStatus::Canceled => {
            Err(AnswerRefusal::AlreadyAnswered)
        }
    }
}
