use chrono::{DateTime, Utc};

use crate::error::{InvalidValue, Rule};
use crate::friendship::Remark;
use crate::id::{ConversationId, UserId};
use crate::message::{Message, Seq};
use crate::user::DisplayName;

/// A conversation in its member's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    /// The conversation's id.
    pub id: ConversationId,
    /// The other member.
    pub friend_id: UserId,
    /// What the other member is called now.
    pub friend_name: DisplayName,
    /// What the member calls the other; empty when not friends.
    pub remark: Remark,
    /// The messages visible to the member, sent by the other, behind the read position.
    pub unread_count: i64,
    /// The newest message visible to the member.
    pub last_message: Option<Message>,
    /// The newest message's place, visible or not.
    pub last_seq: Seq,
    /// How far the member has read.
    pub read_seq: Seq,
    /// When the newest message ever was sent, else when the two became friends.
    pub updated_at: DateTime<Utc>,
    /// Whether the member keeps it on top.
    pub pinned: bool,
    /// Whether the member wants no notifications of it.
    pub muted: bool,
}

/// A conversation opened at one place of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationWindow {
    /// The conversation's id.
    pub id: ConversationId,
    /// The other member.
    pub friend_id: UserId,
    /// What the other member is called now.
    pub friend_name: DisplayName,
    /// What the member calls the other; empty when not friends.
    pub remark: Remark,
    /// Whether the two are friends now.
    pub is_friend: bool,
    /// How far the member has read.
    pub read_seq: Seq,
    /// How far the other has read; told to friends only.
    pub peer_read_seq: Option<Seq>,
    /// The newest message's place, visible or not.
    pub last_seq: Seq,
    /// Whether more messages lie beyond the far end of this window.
    pub has_more: bool,
    /// The visible messages, oldest first.
    pub messages: Vec<Message>,
}

/// Where a window of the history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowAnchor {
    /// At the newest message, going back.
    #[default]
    Newest,
    /// Just before this place, going back.
    Before(Seq),
    /// Just after this place, going forward.
    After(Seq),
}

impl WindowAnchor {
    /// Reads the places that a caller sent in `before` and `after`.
    ///
    /// # Errors
    /// [`Rule::Exclusive`] when both are given.
    pub fn parse(before: Option<i64>, after: Option<i64>) -> Result<Self, InvalidValue> {
        match (before, after) {
            (Some(_), Some(_)) => Err(InvalidValue::new("before", Rule::Exclusive("after"))),
            (Some(before), None) => Ok(Self::Before(Seq::parse("before", before)?)),
            (None, Some(after)) => Ok(Self::After(Seq::parse("after", after)?)),
            (None, None) => Ok(Self::Newest),
        }
    }
}

/// How many messages a window shows: 1 to 200, by default 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLimit(i64);

impl WindowLimit {
    const MAX: i64 = 200;

    /// Checks a limit that a caller sent.
    ///
    /// # Errors
    /// [`Rule::Range`].
    pub fn parse(limit: i64) -> Result<Self, InvalidValue> {
        if (1..=Self::MAX).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(InvalidValue::new("limit", Rule::Range { min: 1, max: Self::MAX }))
        }
    }

    /// The number of messages.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Default for WindowLimit {
    fn default() -> Self {
        Self(50)
    }
}

/// Which part of the history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowRequest {
    /// Where it begins.
    pub anchor: WindowAnchor,
    /// How many messages it shows.
    pub limit: WindowLimit,
}

/// What a member wants of a conversation; none leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// Whether to keep it on top.
    pub pinned: Option<bool>,
    /// Whether to do without notifications.
    pub muted: Option<bool>,
}

/// How far a member has read, and what that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPosition {
    /// The read position now.
    pub read_seq: Seq,
    /// The unread messages now.
    pub unread_count: i64,
}

/// How many messages of the peer lie at or before `position`, told by the message at that place alone.
///
/// Each message knows its ordinal among its sender's. `seq` has no gaps, so at the place `s` the two sides' messages add
/// up to `s`: the peer's are the ordinal itself if the peer wrote it, else what is left of `s`.
#[must_use]
pub const fn peer_messages_up_to(position: Seq, sender_ordinal: i64, sent_by_peer: bool) -> i64 {
    if sent_by_peer { sender_ordinal } else { position.get().saturating_sub(sender_ordinal) }
}
