use super::{ClientMessageId, MessageContent, MessageId, Seq};
use crate::conversation::{Pair, PairState};
use crate::id::UserId;

/// A message that somebody wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The two.
    pub pair: Pair,
    /// Which of them writes.
    pub sender: UserId,
    /// The text.
    pub content: MessageContent,
    /// What makes sending it again store it once.
    pub client_message_id: Option<ClientMessageId>,
}

/// A message that was stored before under the draft's sender, receiver and `client_message_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMessage {
    /// Its place.
    pub seq: Seq,
    /// Its text; none once it was recalled, and then any text is taken for the same.
    pub content: Option<MessageContent>,
}

/// What becomes of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendDecision {
    /// It is stored at this place.
    Store(MessagePosition),
    /// It was stored before at this place.
    Known(Seq),
    /// No.
    Refuse(SendRefusal),
}

/// The place that a draft was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePosition {
    /// Its place in the conversation.
    pub seq: Seq,
    /// Its number among its sender's messages in the conversation.
    pub sender_ordinal: i64,
}

/// Why a draft is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendRefusal {
    /// The two are not friends.
    NotFriends,
    /// The receiver blocks the sender.
    Blocked,
    /// The same `client_message_id` came before with another text.
    IdempotencyConflict,
}

/// What came of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is stored, by this call or by an earlier one with the same `client_message_id`.
    Sent(MessageId),
    /// It is not.
    Refused(SendRefusal),
}

/// Decides what becomes of a draft, given its pair's row, locked (none: the two never met), and what is known under its
/// key. A draft that is stored takes its place from `pair`.
///
/// What is known answers first, whatever has changed between the two since: whoever sends again learns what came of it.
#[must_use]
pub fn decide_send(
    draft: &Draft,
    pair: Option<&mut PairState>,
    known: Option<&ExistingMessage>,
) -> SendDecision {
    if let Some(known) = known {
        return match &known.content {
            Some(content) if *content != draft.content => {
                SendDecision::Refuse(SendRefusal::IdempotencyConflict)
            }
            _ => SendDecision::Known(known.seq),
        };
    }
    let Some(pair) = pair.filter(|pair| pair.friends) else {
        return SendDecision::Refuse(SendRefusal::NotFriends);
    };
    if pair.is_blocked(draft.sender) {
        return SendDecision::Refuse(SendRefusal::Blocked);
    }
    let (seq, sender_ordinal) = pair.take_place(draft.sender);
    SendDecision::Store(MessagePosition { seq, sender_ordinal })
}
