use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{InvalidValue, Rule};
use crate::id::{ConversationId, UserId};

/// A message's place in its conversation: 1, 2, 3… without gaps, in commit order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// Before the first message.
    pub const NONE: Self = Self(0);

    /// Checks a place that a caller sent in `field`.
    ///
    /// # Errors
    /// [`Rule::Range`] for a negative one.
    pub const fn parse(field: &'static str, number: i64) -> Result<Self, InvalidValue> {
        if number < 0 {
            return Err(InvalidValue::new(field, Rule::Range { min: 0, max: i64::MAX }));
        }
        Ok(Self(number))
    }

    /// Takes a place from where it is kept.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A message's id: its conversation and its place there, which is the row's primary key. For clients it is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The conversation.
    pub conversation: ConversationId,
    /// The place.
    pub seq: Seq,
}

impl MessageId {
    /// Reads an id that a caller sent in `message_id`.
    ///
    /// # Errors
    /// [`Rule::Id`] unless it is spelled as [`fmt::Display`] spells it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const FIELD: &str = "message_id";
        let invalid = InvalidValue::new(FIELD, Rule::Id);
        let (conversation, seq) = text.rsplit_once('-').ok_or(invalid)?;
        let canonical = !seq.starts_with('0') && seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| canonical).map(Seq).ok_or(invalid)?;
        Ok(Self { conversation: ConversationId::parse(FIELD, conversation)?, seq })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.conversation, self.seq.0)
    }
}

/// What somebody writes: 1–5000 characters, not only white space, kept and returned exactly as sent.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageContent(String);

impl MessageContent {
    const MAX: usize = 5000;

    /// Checks a text that a caller sent in `content`.
    ///
    /// # Errors
    /// [`Rule::Length`], [`Rule::NotBlank`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: String) -> Result<Self, InvalidValue> {
        const FIELD: &str = "content";
        if text.is_empty() || text.chars().nth(Self::MAX).is_some() {
            return Err(InvalidValue::new(FIELD, Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(FIELD, Rule::Characters));
        }
        if text.trim().is_empty() {
            return Err(InvalidValue::new(FIELD, Rule::NotBlank));
        }
        Ok(Self(text))
    }

    /// Takes a text from where it is kept.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, for whoever needs it no longer here.
    #[must_use]
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for MessageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageContent(…)")
    }
}

/// The key that a client gives a message, so that sending it again stores it once: 1–64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientMessageId(String);

impl ClientMessageId {
    const MAX: usize = 64;

    /// Checks a key that a caller sent in `client_message_id`.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: String) -> Result<Self, InvalidValue> {
        const FIELD: &str = "client_message_id";
        if !(1..=Self::MAX).contains(&text.chars().count()) {
            return Err(InvalidValue::new(FIELD, Rule::Length { min: 1, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(FIELD, Rule::Characters));
        }
        Ok(Self(text))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message, as a member of its conversation sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// Who wrote it.
    pub sender_id: UserId,
    /// The text; none once it was recalled.
    pub content: Option<MessageContent>,
    /// When it was stored, by the database's clock; never against the order of `seq`.
    pub created_at: DateTime<Utc>,
}

/// A message, locked, as far as recalling depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recallable {
    /// Who wrote it.
    pub sender: UserId,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Whether it was recalled already.
    pub recalled: bool,
}

/// What becomes of a recall that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallDecision {
    /// The text is erased now.
    Recall,
    /// It was before; nothing is left to do.
    AlreadyRecalled,
}

/// Why a message may not be recalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallRefusal {
    /// Somebody else wrote it; for this caller it does not exist.
    NotYours,
    /// It was sent too long ago.
    WindowOver,
}

/// Decides whether `caller` may recall `message`, which is locked, at the database's time `now`.
///
/// # Errors
/// Why not.
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
