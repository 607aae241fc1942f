use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::account::DisplayName;
use crate::conversation::PairState;
use crate::error::{InvalidValue, Rule};
use crate::friendship::FriendLimit;
use crate::id::{RequestId, UserId};

/// What the sender writes to be recognised: at most 128 characters, possibly none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerificationMessage(String);

impl VerificationMessage {
    const MAX: usize = 128;

    /// Checks a message that a caller sent in `verification_message`.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const FIELD: &str = "verification_message";
        if text.chars().count() > Self::MAX {
            return Err(InvalidValue::new(FIELD, Rule::Length { min: 0, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(FIELD, Rule::Characters));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    /// It waits for its answer.
    Pending,
    /// The receiver agreed, or asked the sender in turn.
    Accepted,
    /// The receiver refused.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// The sender withdrew it.
    Canceled,
}

impl RequestStatus {
    /// The status as it is shown at the time `now`: what is overdue has expired, whether or not that was noted yet.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>, expires_at: DateTime<Utc>) -> Self {
        if self == Self::Pending && expires_at <= now { Self::Expired } else { self }
    }
}

/// A request, as far as rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FriendshipRequest {
    /// The request's id.
    pub id: RequestId,
    /// Who asks.
    pub sender: UserId,
    /// Who is asked.
    pub receiver: UserId,
    /// Where it stands, as it is kept.
    pub status: RequestStatus,
    /// From when on it cannot be answered.
    pub expires_at: DateTime<Utc>,
}

/// A request in the list of one who sent or received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRequest {
    /// The request's id.
    pub id: RequestId,
    /// The other one: the sender of a received request, the receiver of a sent one.
    pub peer: UserId,
    /// What the other one is called.
    pub peer_name: DisplayName,
    /// What the sender wrote.
    pub verification_message: VerificationMessage,
    /// Where it stands now.
    pub status: RequestStatus,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

/// What the receiver says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Accept,
    /// No.
    Reject,
}

impl Answer {
    /// Reads the word that a caller sent in `status`.
    ///
    /// # Errors
    /// [`Rule::OneOf`].
    pub fn parse(word: &str) -> Result<Self, InvalidValue> {
        match word {
            "accepted" => Ok(Self::Accept),
            "rejected" => Ok(Self::Reject),
            _ => Err(InvalidValue::new("status", Rule::OneOf(&["accepted", "rejected"]))),
        }
    }
}

/// What becomes of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskDecision {
    /// A new request.
    Create,
    /// The other one has asked already: that request is accepted.
    Accept(RequestId),
    /// No.
    Refuse(AskRefusal),
}

/// What the settings say of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRules {
    /// How long a request may be answered.
    pub time_to_live: Duration,
    /// How many requests one may send within a day; none for as many as one likes.
    pub per_day: Option<NonZeroU32>,
}

/// Why somebody may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskRefusal {
    /// The two are friends.
    AlreadyFriends,
    /// The same question waits for its answer.
    AlreadyPending,
    /// The receiver blocks the sender.
    Blocked,
    /// [`RequestAllowance::MAX_PENDING`] requests of the sender wait already.
    TooManyPending,
    /// The sender has asked too often within a day; so long it takes until the next one.
    QuotaUsedUp(Duration),
    /// Asking back would make a friend too many.
    FriendLimit(FriendLimit),
}

/// Decides what becomes of `sender` asking the other one of `pair`, whose row is locked.
///
/// `pending` is the pair's request that is pending and not overdue.
#[must_use]
pub fn decide_ask(pair: &PairState, sender: UserId, pending: Option<&FriendshipRequest>) -> AskDecision {
    if pair.friends {
        return AskDecision::Refuse(AskRefusal::AlreadyFriends);
    }
    if pair.is_blocked(sender) {
        return AskDecision::Refuse(AskRefusal::Blocked);
    }
    match pending {
        None => AskDecision::Create,
        Some(request) if request.sender == sender => AskDecision::Refuse(AskRefusal::AlreadyPending),
        Some(request) => AskDecision::Accept(request.id),
    }
}

/// What decides whether a sender may have one more request, counted while the sender's account is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestAllowance {
    /// The sender's requests that can be answered still.
    pub pending: i64,
    /// When the sender asked the time that is a whole quota back; none when there is no quota, or no such time.
    pub quota_window_start: Option<DateTime<Utc>>,
    /// The time by the database's clock.
    pub now: DateTime<Utc>,
}

impl RequestAllowance {
    /// The most requests of one sender that wait at the same time.
    pub const MAX_PENDING: i64 = 100;
    /// What the quota is counted over.
    pub const DAY: Duration = Duration::from_secs(86_400);
}

/// Decides whether a sender may have one more request. What waiting alone does not mend is told first.
///
/// # Errors
/// [`AskRefusal::TooManyPending`], [`AskRefusal::QuotaUsedUp`].
pub fn decide_request_limits(opening: &RequestAllowance) -> Result<(), AskRefusal> {
    if opening.pending >= RequestAllowance::MAX_PENDING {
        return Err(AskRefusal::TooManyPending);
    }
    let Some(asked_at) = opening.quota_window_start else { return Ok(()) };
    // A clock that was set back leaves a time in the future: nothing of the day has passed then.
    let passed = opening.now.signed_duration_since(asked_at).to_std().unwrap_or_default();
    match RequestAllowance::DAY.checked_sub(passed) {
        Some(left) if !left.is_zero() => Err(AskRefusal::QuotaUsedUp(left)),
        _ => Ok(()),
    }
}

/// Why a request may not be answered or withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRefusal {
    /// For this caller it does not exist.
    NotYours,
    /// It was accepted, rejected or withdrawn before.
    AlreadyAnswered,
    /// Its time is over.
    Expired,
    /// Accepting it would make a friend too many.
    FriendLimit(FriendLimit),
}

/// Decides whether `caller` may answer `request`, which is locked, at the database's time `now`.
///
/// # Errors
/// Why not.
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
/// Why not.
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
