//! The parts of an export, in the order in which they are streamed.

use chrono::{DateTime, Utc};

use crate::account::{DisplayName, User};
use crate::auth::DeviceName;
use crate::block::BlockedUser;
use crate::friendship::{Friend, Remark};
use crate::friendship_request::{Direction, ListedRequest};
use crate::id::{ConversationId, SessionId, UserId};
use crate::message::{Message, Seq};

/// One part of an export, of bounded size. Parts arrive in the order of these variants; each list may span any number of
/// parts, in the list's own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportPart {
    /// The account. Always the first part, once.
    Account(User),
    /// Sessions, open and ended, oldest first.
    Sessions(Vec<ExportedSession>),
    /// Friends, newest first.
    Friends(Vec<Friend>),
    /// Requests, newest first; those received before those sent.
    Requests(Direction, Vec<ListedRequest>),
    /// Blocked users, newest first.
    Blocks(Vec<BlockedUser>),
    /// A conversation, hidden or not. Its messages follow before the next conversation.
    Conversation(ExportedConversation),
    /// The visible messages of the preceding conversation, oldest first.
    Messages(Vec<Message>),
}

/// A session in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedSession {
    /// The session's id.
    pub id: SessionId,
    /// The device's name.
    pub device: DeviceName,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When its tokens were last issued.
    pub last_used_at: DateTime<Utc>,
    /// When it ended; `None` while it is open.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A conversation with its member's settings in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedConversation {
    /// The conversation's id.
    pub id: ConversationId,
    /// The other member.
    pub friend_id: UserId,
    /// The other member's current name.
    pub friend_name: DisplayName,
    /// The member's remark for the other.
    pub remark: Remark,
    /// Whether the two are friends now.
    pub is_friend: bool,
    /// How far the member has read.
    pub read_seq: Seq,
    /// The position of the newest message, visible or not.
    pub last_seq: Seq,
    /// Whether the member pinned it.
    pub pinned: bool,
    /// Whether the member muted it.
    pub muted: bool,
    /// Whether it is hidden from the member's list until a new message arrives.
    pub hidden: bool,
}
