//! The decision on a send: store, replay an idempotent retry, or refuse.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{ClientMessageId, MessageBody, MessageId, MessagePosition, MessageState, Seq};
use crate::conversation::{Directed, PairState};

/// A quota on sends that is used up, with the time until the message would be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpentQuota {
    /// The number of messages.
    Messages(Duration),
    /// The bytes of their texts.
    Bytes(Duration),
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The sender and, as its peer, the receiver.
    pub from: Directed,
    /// What the message carries.
    pub body: MessageBody,
    /// The idempotency key: a retry under the same key stores nothing.
    pub client_message_id: Option<ClientMessageId>,
    /// The sender's quota that is used up, if any: then only a repeat of a stored message succeeds.
    pub over_quota: Option<SpentQuota>,
}

/// A stored message with the draft's sender, receiver and `client_message_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMessage {
    /// Its position.
    pub seq: Seq,
    /// Its state. A recalled body cannot be compared, so any body counts as the same.
    pub state: MessageState,
}

/// The decision on a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendDecision {
    /// Store it at this position.
    Store(MessagePosition),
    /// An earlier call stored it at this position.
    Existing(Seq),
    /// Do not store it.
    Refuse(SendRefusal),
}

/// Why a draft is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendRefusal {
    /// The two are not friends.
    NotFriends,
    /// The receiver blocks the sender.
    Blocked,
    /// The same `client_message_id` was used with another body.
    IdempotencyConflict,
    /// The sender's quota is used up, and the message is not a repeat of a stored one.
    OverQuota(SpentQuota),
}

/// A stored message, as its sender learns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentMessage {
    /// Its id.
    pub id: MessageId,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// The result of sending a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The message is stored, by this call or by an earlier one with the same `client_message_id`.
    Sent(SentMessage),
    /// The draft was refused and nothing was stored.
    Refused(SendRefusal),
}

/// Decides on a draft, given its pair's locked row (`None` if the two never met) and the message already stored under its
/// key. A draft to be stored takes its position from `pair`.
///
/// A stored message takes precedence over every refusal: a retry gets the result of the first attempt, whatever has
/// changed between the two since.
#[must_use]
pub fn decide_send(
    draft: &Draft,
    pair: Option<&mut PairState>,
    existing: Option<&ExistingMessage>,
) -> SendDecision {
    if let Some(existing) = existing {
        return match &existing.state {
            MessageState::Visible(body) if *body != draft.body => {
                SendDecision::Refuse(SendRefusal::IdempotencyConflict)
            }
            MessageState::Visible(_) | MessageState::Recalled => SendDecision::Existing(existing.seq),
        };
    }
    if let Some(spent) = draft.over_quota {
        return SendDecision::Refuse(SendRefusal::OverQuota(spent));
    }
    let Some(pair) = pair.filter(|pair| pair.friends) else {
        return SendDecision::Refuse(SendRefusal::NotFriends);
    };
    if pair.is_blocked(draft.from.side) {
        return SendDecision::Refuse(SendRefusal::Blocked);
    }
    SendDecision::Store(pair.assign_position(draft.from.side))
}
