//! A conversation as its list and its window show it, and the arithmetic of unread counts.

use chrono::{DateTime, Utc};

use crate::account::{DisplayName, Uid};
use crate::answer_size::AnswerItem;
use crate::error::InvalidValue;
use crate::friendship::Remark;
use crate::id::{ConversationId, UserId};
use crate::message::{Message, Seq};
use crate::page::PageLimit;

/// A conversation in a member's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    /// The conversation's id.
    pub id: ConversationId,
    /// The other member.
    pub friend_id: UserId,
    /// The other member's 微信号; `None` once the account is erased.
    pub friend_uid: Option<Uid>,
    /// The other member's current name.
    pub friend_name: DisplayName,
    /// The member's remark (备注) on the other; empty unless they are friends.
    pub remark: Remark,
    /// Whether the two are friends now.
    pub is_friend: bool,
    /// Whether the member blocks the other.
    pub blocked: bool,
    /// The other member's read position; shown to friends only.
    pub peer_read_seq: Option<Seq>,
    /// The number of messages after the read position that the other sent and the member can see.
    pub unread_count: i64,
    /// The newest message visible to the member.
    pub last_message: Option<Message>,
    /// The newest message's position, visible or not.
    pub last_seq: Seq,
    /// The member's read position.
    pub read_seq: Seq,
    /// When the last message was stored, or when the two became friends if there is none.
    pub updated_at: DateTime<Utc>,
    /// Whether the member pinned it to the top of the list.
    pub pinned: bool,
    /// Whether the member disabled its notifications.
    pub muted: bool,
}

impl AnswerItem for ConversationSummary {
    const OTHER_BYTES: usize = 620 + Message::OTHER_BYTES;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        self.friend_name.visit_text(visit);
        visit(self.remark.as_str());
        if let Some(message) = &self.last_message {
            message.visit_texts(visit);
        }
    }
}

/// A conversation with one window of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationWindow {
    /// The conversation's id.
    pub id: ConversationId,
    /// The other member.
    pub friend_id: UserId,
    /// The other member's current name.
    pub friend_name: DisplayName,
    /// The member's remark (备注) on the other; empty unless they are friends.
    pub remark: Remark,
    /// Whether the two are friends now.
    pub is_friend: bool,
    /// The member's read position.
    pub read_seq: Seq,
    /// The other member's read position; shown to friends only, where both share it.
    pub peer_read_seq: Option<Seq>,
    /// The newest message's position, visible or not.
    pub last_seq: Seq,
    /// Whether the history continues past the far end of this window.
    pub has_more: bool,
    /// The visible messages, oldest first.
    pub messages: Vec<Message>,
}

/// Where a window of the history starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowAnchor {
    /// At the newest message, going backwards.
    #[default]
    Newest,
    /// Just before this position, going backwards.
    Before(Seq),
    /// Just after this position, going forwards.
    After(Seq),
}

/// A request for a window of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRequest {
    /// Where the window starts.
    pub anchor: WindowAnchor,
    /// The maximum number of messages.
    pub limit: PageLimit,
}

impl WindowRequest {
    /// The maximum number of messages.
    pub const MAX_MESSAGES: i64 = 200;
    const DEFAULT_MESSAGES: i64 = 50;

    /// Checks the limit that a client sent, if any: 1 to 200 messages, by default 50.
    ///
    /// # Errors
    /// [`Rule::Range`](crate::error::Rule::Range).
    pub fn parse(anchor: WindowAnchor, limit: Option<i64>) -> Result<Self, InvalidValue> {
        let limit = PageLimit::parse(limit.unwrap_or(Self::DEFAULT_MESSAGES), Self::MAX_MESSAGES)?;
        Ok(Self { anchor, limit })
    }

    /// The default number of messages from `anchor`.
    #[must_use]
    pub const fn from_anchor(anchor: WindowAnchor) -> Self {
        Self { anchor, limit: PageLimit::new(Self::DEFAULT_MESSAGES) }
    }
}

impl Default for WindowRequest {
    fn default() -> Self {
        Self::from_anchor(WindowAnchor::Newest)
    }
}

/// Changes to a member's preferences for a conversation; `None` leaves a preference unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// Whether to pin it to the top of the list.
    pub pinned: Option<bool>,
    /// Whether to disable its notifications.
    pub muted: Option<bool>,
}

/// A member's read position and the unread count it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPosition {
    /// The read position.
    pub read_seq: Seq,
    /// The number of unread messages.
    pub unread_count: i64,
}

/// The number of the peer's messages at or before `position`, computed from the message at that position alone.
///
/// Each message stores its ordinal among its sender's messages. `seq` has no gaps, so at position `s` the two ordinals add
/// up to `s`: the peer's count is the ordinal itself if the peer sent the message, else `s` minus the ordinal.
#[must_use]
pub const fn peer_messages_up_to(position: Seq, sender_ordinal: i64, sent_by_peer: bool) -> i64 {
    if sent_by_peer { sender_ordinal } else { position.get().saturating_sub(sender_ordinal) }
}
