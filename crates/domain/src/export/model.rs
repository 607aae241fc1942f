use chrono::{DateTime, Utc};

use crate::account::{DisplayName, User};
use crate::auth::DeviceName;
use crate::block::BlockedUser;
use crate::friendship::{Friend, Remark};
use crate::friendship_request::{Direction, ListedRequest};
use crate::id::{ConversationId, SessionId, UserId};
use crate::message::{ClientMessageId, Message, Seq};

/// A part of an export, small enough to be held in memory whatever the account has. Parts come in the order of these
/// variants; of each list there may be any number of parts, in the list's own order.
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
    /// Blocked people, newest first.
    Blocks(Vec<BlockedUser>),
    /// A conversation, hidden or not. Its messages follow before the next one.
    Conversation(ExportedConversation),
    /// Messages of the conversation that came last, oldest first: those that the member can see.
    Messages(Vec<ExportedMessage>),
}

/// A session, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedSession {
    /// The session's id.
    pub id: SessionId,
    /// What its owner recognises it by.
    pub device: DeviceName,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When its tokens were renewed last, or first given.
    pub last_used_at: DateTime<Utc>,
    /// When it was ended, if it was.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How a member keeps a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedConversation {
    /// The conversation's id.
    pub id: ConversationId,
    /// The other member.
    pub friend_id: UserId,
    /// What the other member is called now.
    pub friend_name: DisplayName,
    /// What the member calls the other.
    pub remark: Remark,
    /// Whether the two are friends now.
    pub is_friend: bool,
    /// How far the member has read.
    pub read_seq: Seq,
    /// The newest message's place, visible or not.
    pub last_seq: Seq,
    /// Whether the member keeps it on top.
    pub pinned: bool,
    /// Whether the member wants no notifications of it.
    pub muted: bool,
    /// Whether it is out of the member's list until a new message comes.
    pub hidden: bool,
}

/// A message, as its reader or its sender keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedMessage {
    /// The message.
    pub message: Message,
    /// The key that the member gave it when sending it.
    pub client_message_id: Option<ClientMessageId>,
}
