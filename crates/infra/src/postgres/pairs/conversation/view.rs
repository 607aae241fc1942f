//! Row conversions shared by the list and the window.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use domain::account::{DisplayName, Uid};
use domain::friendship::Remark;
use domain::id::{ConversationId, UserId};
use domain::message::{ClientMessageId, Message, MessageId, Seq};
use uuid::Uuid;

use crate::db::DbError;
use crate::postgres::pairs::message::state_from_row;
use crate::postgres::row_values;

/// The entry of a batch that a row belongs to, by its `WITH ORDINALITY` number, which counts from 1.
pub(in crate::postgres) fn batch_entry<T>(batch: &mut [T], number: i64) -> Result<&mut T, DbError> {
    let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    index
        .and_then(|index| batch.get_mut(index))
        .ok_or(DbError::Impossible("conversation_members: a row belongs to no request of its batch"))
}

/// SQL expression: the read position of the peer of member `m` as far as the member may see it, if the peer `u` and the member's account
/// `me` share theirs. An erased peer is no longer a member.
pub(super) const PEER_READ_SEQ: &str = "
           CASE WHEN u.share_read AND me.share_read THEN
               coalesce((SELECT coalesce(p.shown_read_seq, p.read_seq) FROM conversation_members p
                          WHERE p.conversation_id = m.conversation_id AND p.user_id = m.peer_id), 0) END";

/// The peer of a conversation, with the member's remark.
#[derive(Debug, Queryable)]
pub(in crate::postgres) struct PeerColumns {
    id: Uuid,
    state: String,
    name: String,
    remark: String,
}

impl PeerColumns {
    pub(super) const fn id(&self) -> UserId {
        UserId::from_uuid(self.id)
    }

    pub(super) fn display_name(&self) -> Result<DisplayName, DbError> {
        row_values::display_name_from_row(self.id(), &self.state, &self.name)
    }

    /// The peer's uid as shown to others.
    pub(super) fn display_uid(&self, uid: &str) -> Result<Option<Uid>, DbError> {
        row_values::display_uid_from_row(self.id(), &self.state, uid)
    }

    pub(super) fn remark(&self) -> Result<Remark, DbError> {
        Remark::parse(&self.remark).map_err(DbError::stored("conversation_members", "remark", self.id()))
    }
}

/// SQL expression: the idempotency key of message `x` if member `m` sent it; that of another's message is none of its business.
pub(in crate::postgres) const OWN_KEY: &str =
    "CASE WHEN x.sender_id = m.user_id THEN x.client_message_id END";

/// Who sent a message: the member (`own`), with the idempotency key of the message if it has one, or the peer, without it.
#[derive(Debug)]
pub(super) struct SenderColumns {
    pub(super) own: bool,
    pub(super) key: Option<String>,
}

/// The member whose view of a conversation is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Viewpoint {
    pub(super) conversation: ConversationId,
    pub(super) member: UserId,
    pub(super) peer: UserId,
}

impl Viewpoint {
    /// A message as the member sees it.
    pub(super) fn message(
        self,
        seq: i64,
        sender: SenderColumns,
        content: Option<String>,
        created_at: DateTime<Utc>,
    ) -> Message {
        Message {
            id: MessageId { conversation: self.conversation, seq: Seq::new(seq) },
            sender_id: if sender.own { self.member } else { self.peer },
            state: state_from_row(content),
            client_message_id: sender.key.map(ClientMessageId::from_stored),
            created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_no_request_is_an_error() {
        let mut batch = ["first", "second"];
        assert_eq!(*batch_entry(&mut batch, 1).unwrap(), "first");
        assert_eq!(*batch_entry(&mut batch, 2).unwrap(), "second");
        for number in [i64::MIN, -1, 0, 3, i64::MAX] {
            let entry = batch_entry(&mut batch, number);
            assert!(matches!(entry, Err(DbError::Impossible(_))), "{number}");
        }
    }
}
