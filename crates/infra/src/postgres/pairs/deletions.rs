//! Deletion marks as ranges: the messages that a member deleted, merged so that two ranges of a member never touch.
//!
//! However many messages a member deletes, the end of a range is found by its key, so that whatever passes over deleted messages
//! takes one step per range. Every writer of a member's ranges has locked the member's row.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::change::stamp;
use crate::schema::{deletions_by_change, message_deletions};

/// SQL expression: whether the member `m` deleted the message `x`.
pub(in crate::postgres) const DELETED: &str = "coalesce((
    SELECT d.last_seq >= x.seq FROM message_deletions d
     WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id AND d.first_seq <= x.seq
     ORDER BY d.first_seq DESC LIMIT 1), false)";

statement! {
    HiddenMessages<'a> { conversation: Uuid, member: &'a Uuid, peer: &'a Uuid, after: i64, to: i64 } -> (BigInt);
    // The peer's messages in a range follow from the ordinals at its ends. A message that is deleted and recalled counts once.
    // The order keeps the planner from another index than that of the starts.
    "SELECT (SELECT coalesce(sum(" {PEER_MESSAGES_TO_THE_END} " - " {PEER_MESSAGES_BEFORE} "), 0)::bigint
               FROM ((SELECT d.first_seq, d.last_seq FROM message_deletions d
                       WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                         AND d.first_seq > m.after AND d.first_seq <= m.up_to
                       ORDER BY d.first_seq OFFSET 0)
                     UNION ALL
                     (SELECT d.first_seq, d.last_seq FROM message_deletions d
                       WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id AND d.first_seq <= m.after
                       ORDER BY d.first_seq DESC LIMIT 1)) d
              WHERE d.last_seq > m.after)
          + (SELECT count(*) FROM messages x
              WHERE x.conversation_id = m.conversation_id AND x.seq > m.after AND x.seq <= m.up_to
                AND x.recalled_at IS NOT NULL AND x.sender_id = m.peer_id AND NOT " {DELETED} ")
       FROM (SELECT " [conversation: SqlUuid] " AS conversation_id, " [member: SqlUuid] " AS user_id, "
            [peer: SqlUuid] " AS peer_id, " [after: BigInt] " AS after, " [to: BigInt] " AS up_to OFFSET 0) m"
}

const PEER_MESSAGES_TO_THE_END: &str = "coalesce((
    SELECT CASE WHEN x.sender_id = m.peer_id THEN x.sender_ordinal ELSE x.seq - x.sender_ordinal END
      FROM messages x WHERE x.conversation_id = m.conversation_id AND x.seq = least(d.last_seq, m.up_to)), 0)";
const PEER_MESSAGES_BEFORE: &str = "coalesce((
    SELECT CASE WHEN x.sender_id = m.peer_id THEN x.sender_ordinal ELSE x.seq - x.sender_ordinal END
      FROM messages x WHERE x.conversation_id = m.conversation_id AND x.seq = greatest(d.first_seq - 1, m.after)), 0)";

/// A member's view of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct HiddenView<'a> {
    pub(super) conversation: Uuid,
    pub(super) member: &'a Uuid,
    pub(super) peer: &'a Uuid,
}

/// A position that moves forward, and the newest message that is deleted or recalled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advance {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) newest_hidden: i64,
}

impl HiddenView<'_> {
    /// The number of hidden messages of the peer after the new position, from their number after the old one. Counts on the
    /// shorter side of the new position, so that a member who reads on never counts the same messages again and again.
    pub(super) fn after(
        self,
        connection: &mut PgConnection,
        advance: Advance,
        hidden: i64,
    ) -> Result<i64, DbError> {
        let Advance { from, to, newest_hidden } = advance;
        if hidden == 0 || to >= newest_hidden {
            return Ok(0);
        }
        if to.saturating_sub(from) < newest_hidden.saturating_sub(to) {
            Ok(hidden.saturating_sub(self.count(connection, from, to)?))
        } else {
            self.count(connection, to, newest_hidden)
        }
    }

    fn count(self, connection: &mut PgConnection, after: i64, to: i64) -> Result<i64, DbError> {
        let Self { conversation, member, peer } = self;
        let (count,) =
            HiddenMessages { conversation, member, peer, after, to }.get_result::<(i64,)>(connection)?;
        Ok(count)
    }
}

/// The last message of the member's range around `seq`; `None` if the member has not deleted that message.
pub(in crate::postgres) fn end_of_range(
    connection: &mut PgConnection,
    conversation: Uuid,
    member: Uuid,
    seq: i64,
) -> Result<Option<i64>, DbError> {
    let last: Option<i64> = of_member(conversation, member)
        .filter(message_deletions::first_seq.le(seq))
        .order(message_deletions::first_seq.desc())
        .select(message_deletions::last_seq)
        .first(connection)
        .optional()?;
    Ok(last.filter(|last| *last >= seq))
}

/// Deletes a message for a member whose row is locked. Returns false if it was deleted already.
pub(super) fn delete(
    connection: &mut PgConnection,
    conversation: Uuid,
    member: Uuid,
    seq: i64,
) -> Result<bool, DbError> {
    let near: Vec<(i64, i64)> = of_member(conversation, member)
        .filter(message_deletions::first_seq.le(seq.saturating_add(1)))
        .order(message_deletions::first_seq.desc())
        .limit(2)
        .select((message_deletions::first_seq, message_deletions::last_seq))
        .load(connection)?;
    if near.iter().any(|(first, last)| *first <= seq && *last >= seq) {
        return Ok(false);
    }
    let below = near.iter().find(|(_, last)| last.checked_add(1) == Some(seq));
    let above = near.iter().find(|(first, _)| first.checked_sub(1) == Some(seq));
    let range = |first: i64| message_deletions::table.find((conversation, member, first));
    match (below, above) {
        (Some((first, _)), Some((next, last))) => {
            diesel::delete(range(*next)).execute(connection)?;
            diesel::update(range(*first)).set(message_deletions::last_seq.eq(*last)).execute(connection)?;
        }
        (Some((first, _)), None) => {
            diesel::update(range(*first)).set(message_deletions::last_seq.eq(seq)).execute(connection)?;
        }
        (None, Some((next, _))) => {
            diesel::update(range(*next)).set(message_deletions::first_seq.eq(seq)).execute(connection)?;
        }
        (None, None) => {
            diesel::insert_into(message_deletions::table)
                .values((
                    message_deletions::conversation_id.eq(conversation),
                    message_deletions::user_id.eq(member),
                    message_deletions::first_seq.eq(seq),
                    message_deletions::last_seq.eq(seq),
                ))
                .execute(connection)?;
        }
    }
    Ok(true)
}

/// Lists a deletion among those of its transaction, for devices that catch up.
pub(super) fn note(
    connection: &mut PgConnection,
    conversation: Uuid,
    member: Uuid,
    seq: i64,
) -> Result<(), DbError> {
    diesel::insert_into(deletions_by_change::table)
        .values((
            deletions_by_change::conversation_id.eq(conversation),
            deletions_by_change::user_id.eq(member),
            deletions_by_change::deleted_in.eq(stamp()),
            deletions_by_change::seq.eq(seq),
        ))
        .execute(connection)?;
    Ok(())
}

#[diesel::dsl::auto_type]
fn of_member(conversation: Uuid, member: Uuid) -> _ {
    message_deletions::table
        .filter(message_deletions::conversation_id.eq(conversation))
        .filter(message_deletions::user_id.eq(member))
}
