//! Read positions and unread counts.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use domain::conversation::{ReadPosition, peer_messages_up_to};
use domain::id::{ConversationId, UserId};
use domain::message::Seq;
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::schema::{conversation_members, conversations, messages};

/// SQL expression: the unread count of member `m` in conversation `c`. It is the number of messages the peer ever sent,
/// minus those seen, minus the few after the read position that were recalled or deleted. Those few are searched for only
/// if the newest of them is after the read position.
pub(in crate::postgres) const UNREAD: &str = "
    (CASE WHEN m.user_id = c.user_lo THEN c.hi_sent ELSE c.lo_sent END) - m.peer_seen
    - CASE WHEN c.recalled_seq <= greatest(m.read_seq, m.cleared_seq) THEN 0 ELSE (
        SELECT count(*) FROM messages x
         WHERE x.conversation_id = m.conversation_id AND x.seq > greatest(m.read_seq, m.cleared_seq)
           AND x.recalled_at IS NOT NULL AND x.sender_id = m.peer_id) END
    - CASE WHEN m.deleted_seq <= greatest(m.read_seq, m.cleared_seq) THEN 0 ELSE (
        SELECT count(*) FROM message_deletions d
          JOIN messages x ON x.conversation_id = d.conversation_id AND x.seq = d.seq
         WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
           AND d.seq > greatest(m.read_seq, m.cleared_seq)
           AND x.recalled_at IS NULL AND x.sender_id = m.peer_id) END";

statement! {
    Unread<'a> { conversation: Uuid, member: &'a Uuid } -> (BigInt, BigInt);
    "SELECT m.read_seq, " {UNREAD}
    " FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
      WHERE m.conversation_id = " [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid]
}

statement! {
    // Diesel's query builder would prepare this UPDATE at every call.
    AdvanceReadPosition<'a> { conversation: Uuid, member: &'a Uuid, read_seq: i64, seen: Option<i64> } -> ();
    "UPDATE conversation_members
        SET read_seq = " [read_seq: BigInt] ", peer_seen = coalesce(" [seen: Nullable<BigInt>] ", peer_seen)
      WHERE conversation_id = " [conversation: SqlUuid] " AND user_id = " [member: SqlUuid]
}

pub(super) fn mark_read(
    connection: &mut PgConnection,
    member: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Option<ReadPosition>, DbError> {
    let (id, user) = (conversation.as_uuid(), member.as_uuid());
    let row = conversation_members::table.find((id, user));
    let locked: Option<(i64, i64, Uuid)> = row
        .select((
            conversation_members::read_seq,
            conversation_members::cleared_seq,
            conversation_members::peer_id,
        ))
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some((read_seq, cleared_seq, peer)) = locked else { return Ok(None) };
    let last_seq: i64 = conversations::table.find(id).select(conversations::last_seq).first(connection)?;
    let wanted = seq.get().min(last_seq);
    if wanted > read_seq {
        // At or below the cleared position there is nothing new to see.
        let seen = if wanted > cleared_seq { Some(seen_at(connection, id, wanted, peer)?) } else { None };
        AdvanceReadPosition { conversation: id, member: &user, read_seq: wanted, seen }
            .execute(connection)?;
    }
    let (read_seq, unread_count): (i64, i64) =
        Unread { conversation: id, member: &user }.get_result(connection)?;
    Ok(Some(ReadPosition { read_seq: Seq::new(read_seq), unread_count }))
}

/// The number of `peer`'s messages at or before the message at `seq`.
fn seen_at(connection: &mut PgConnection, conversation: Uuid, seq: i64, peer: Uuid) -> Result<i64, DbError> {
    let (sender, ordinal): (Uuid, i64) = messages::table
        .find((conversation, seq))
        .select((messages::sender_id, messages::sender_ordinal))
        .first(connection)?;
    Ok(peer_messages_up_to(Seq::new(seq), ordinal, sender == peer))
}
