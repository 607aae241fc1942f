//! What the list and the window make of rows alike.

use chrono::{DateTime, Utc};
use domain::friendship::Remark;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, MessageContent, MessageId, Seq};

use crate::db::DbError;

/// Keeps what the member `m` has not deleted of the messages `x`. It ends within the inner query, so that a bound on
/// `d.seq` can follow, and wants a `)`.
///
/// `NOT IN`, because PostgreSQL keeps its rows in a hash. `NOT EXISTS` becomes a join, and the planner, which knows only
/// how much is deleted on average, compares each message with each deletion: 10,000 of them took four seconds.
pub(super) const NOT_DELETED: &str = "x.seq NOT IN (
    SELECT d.seq FROM message_deletions d WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id";

/// Whose eyes see a conversation.
#[derive(Clone, Copy)]
pub(super) struct Viewpoint {
    pub(super) conversation: ConversationId,
    pub(super) member: UserId,
    pub(super) peer: UserId,
}

impl Viewpoint {
    /// A message of the conversation, which the member wrote or else the peer.
    pub(super) fn message(
        self,
        seq: i64,
        own: bool,
        content: Option<String>,
        created_at: DateTime<Utc>,
    ) -> Message {
        Message {
            id: MessageId { conversation: self.conversation, seq: Seq::new(seq) },
            sender_id: if own { self.member } else { self.peer },
            content: content.map(MessageContent::from_stored),
            created_at,
        }
    }
}

/// What the member calls the peer.
pub(super) fn remark(peer: UserId, text: &str) -> Result<Remark, DbError> {
    Remark::parse(text).map_err(DbError::stored("conversation_members", peer))
}
