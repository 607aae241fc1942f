//! Friendship requests: their values and states.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::account::{DisplayName, Uid};
use crate::answer_size::AnswerItem;
use crate::error::{InvalidValue, Rule};
use crate::id::{RequestId, UserId};

/// 验证消息, the sender's introduction: at most 128 characters, possibly empty, stored and returned exactly as sent.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct VerificationMessage(String);

impl VerificationMessage {
    /// The maximum number of characters.
    pub const MAX: usize = 128;

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

impl fmt::Debug for VerificationMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationMessage(…)")
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
    /// The other user's 微信号; `None` once the account is erased.
    pub peer_uid: Option<Uid>,
    /// The other user's current name.
    pub peer_name: DisplayName,
    /// The sender's introduction.
    pub verification_message: VerificationMessage,
    /// The status when the list was read.
    pub status: RequestStatus,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

impl AnswerItem for ListedRequest {
    const OTHER_BYTES: usize = 400;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        self.peer_name.visit_text(visit);
        visit(self.verification_message.as_str());
    }
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

/// The configured rules for requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRules {
    /// How long a request can be answered.
    pub time_to_live: Duration,
    /// The maximum number of requests of one sender within a day; `None` for no quota.
    pub per_day: Option<NonZeroU32>,
    /// The maximum number of unaccepted requests of one sender to one receiver within a day; `None` for no quota.
    pub per_pair_and_day: Option<NonZeroU32>,
}
