//! Row conversions shared by the list and the window.

use chrono::{DateTime, Utc};
use domain::friendship::Remark;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, MessageContent, MessageId, Seq};

use crate::db::DbError;

/// SQL condition: the member `m` has not deleted the message `x`. The inner query is left open, so that a bound on `d.seq`
/// can follow; the user of the constant adds the closing `)`.
///
/// `NOT IN` makes PostgreSQL hash the deletions. `NOT EXISTS` becomes a join, and the planner, which only knows the average
/// number of deletions, compares each message with each deletion: 10,000 of them took four seconds.
pub(super) const NOT_DELETED: &str = "x.seq NOT IN (
    SELECT d.seq FROM message_deletions d WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id";

/// The member whose view of a conversation is read.
#[derive(Clone, Copy)]
pub(super) struct Viewpoint {
    pub(super) conversation: ConversationId,
    pub(super) member: UserId,
    pub(super) peer: UserId,
}

impl Viewpoint {
    /// A message sent by the member (`own`) or else by the peer.
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

/// The member's remark on the peer.
pub(super) fn remark(peer: UserId, text: &str) -> Result<Remark, DbError> {
    Remark::parse(text).map_err(DbError::stored("conversation_members", peer))
}
