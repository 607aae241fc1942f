//! Messages with their positions, ids and idempotency keys; and the decision on a recall.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::MessageState;
use crate::answer_size::AnswerItem;
use crate::error::{InvalidValue, Rule};
use crate::id::{ConversationId, UserId};

/// A message's position in its conversation: 1, 2, 3… without gaps, in commit order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// Before the first message.
    pub const NONE: Self = Self(0);

    /// The greatest position: the greatest whole number that every JSON parser reads exactly, 2⁵³ − 1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Validates a position that a client sent.
    ///
    /// # Errors
    /// [`Rule::Range`] for a negative number, and for one beyond [`Self::MAX`].
    pub const fn parse(number: i64) -> Result<Self, InvalidValue> {
        if number < 0 || number > Self::MAX.0 {
            return Err(InvalidValue::new(Rule::Range { min: 0, max: Self::MAX.0 }));
        }
        Ok(Self(number))
    }

    /// Wraps a stored position without validation.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The following position.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A message's position in its conversation and among its sender's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePosition {
    /// Its position in the conversation.
    pub seq: Seq,
    /// Its ordinal among its sender's messages in the conversation, from 1.
    pub sender_ordinal: i64,
}

/// A message's id: its conversation and its position, together the row's primary key. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The conversation.
    pub conversation: ConversationId,
    /// The position.
    pub seq: Seq,
}

impl MessageId {
    /// Parses an id that a client sent.
    ///
    /// # Errors
    /// [`Rule::Id`] unless the text is exactly what [`fmt::Display`] prints.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = InvalidValue::new(Rule::Id);
        let (conversation, seq) = text.rsplit_once('-').ok_or(invalid)?;
        let canonical = !seq.starts_with('0') && seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| canonical).map(Seq).ok_or(invalid)?;
        Ok(Self { conversation: ConversationId::parse(conversation)?, seq })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.conversation, self.seq.0)
    }
}

/// A client's idempotency key for a message, so that a retry is stored once: 1–64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientMessageId(String);

impl ClientMessageId {
    const MAX: usize = 64;

    /// Validates a key that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: String) -> Result<Self, InvalidValue> {
        if !(1..=Self::MAX).contains(&text.chars().count()) {
            return Err(InvalidValue::new(Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(Rule::Characters));
        }
        Ok(Self(text))
    }

    /// Wraps a stored key without validation.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key, owned.
    #[must_use]
    pub fn into_inner(self) -> String {
        self.0
    }
}

/// A message as a member of its conversation sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// The sender.
    pub sender_id: UserId,
    /// Its body, or that it was recalled.
    pub state: MessageState,
    /// The idempotency key under which the reader sent it; `None` for a message without one, and for one of the peer.
    pub client_message_id: Option<ClientMessageId>,
    /// When it was stored, by the database's clock; never decreases along `seq`.
    pub created_at: DateTime<Utc>,
}

impl AnswerItem for Message {
    const OTHER_BYTES: usize = 370;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        if let Some(key) = &self.client_message_id {
            visit(key.as_str());
        }
        if let Some(text) = self.state.text() {
            visit(text.as_str());
        }
    }
}

/// The parts of a locked message that a recall depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recallable {
    /// The sender.
    pub sender: UserId,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Whether it is recalled already.
    pub recalled: bool,
}

/// The effect of a permitted recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallDecision {
    /// Erase the body.
    Recall,
    /// An earlier recall erased it; there is nothing to do.
    AlreadyRecalled,
}

/// Why a recall is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallRefusal {
    /// The caller is not the sender; to this caller the message does not exist.
    NotYours,
    /// The message is older than the recall window.
    WindowOver,
}

/// Decides whether `caller` may recall the locked `message` at the database's time `now`.
///
/// # Errors
/// The reason for the refusal.
pub fn decide_recall(
    message: &Recallable,
    caller: UserId,
    now: DateTime<Utc>,
    window: Duration,
) -> Result<RecallDecision, RecallRefusal> {
    if message.sender != caller {
        return Err(RecallRefusal::NotYours);
    }
    if message.recalled {
        return Ok(RecallDecision::AlreadyRecalled);
    }
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    if now.signed_duration_since(message.created_at) > window {
        return Err(RecallRefusal::WindowOver);
    }
    Ok(RecallDecision::Recall)
}
