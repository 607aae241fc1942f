//! Read positions and unread counts.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Uuid as SqlUuid};
use domain::conversation::{ReadPosition, peer_messages_up_to};
use domain::id::{ConversationId, UserId};
use domain::message::Seq;
use uuid::Uuid;

use crate::db::{DbError, Noted, statement};
use crate::postgres::change::{Changes, STAMP};
use crate::postgres::pairs::deletions::{Advance, HiddenView};
use crate::schema::{conversation_members, conversations, messages};

/// SQL expression: the unread count of member `m` in conversation `c`. It is the number of messages the peer ever sent, minus
/// those seen, minus those after the read position that were recalled or that the member deleted.
pub(in crate::postgres) const UNREAD: &str = "
    (CASE WHEN m.user_id = c.user_lo THEN c.hi_sent ELSE c.lo_sent END) - m.peer_seen - m.hidden_unread";

statement! {
    Unread<'a> { conversation: Uuid, member: &'a Uuid } -> (BigInt, BigInt);
    "SELECT m.read_seq, " {UNREAD}
    " FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
      WHERE m.conversation_id = " [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid]
}

statement! {
    // Diesel's query builder would prepare this UPDATE at every call. The peer sees the new position unless a block hides it.
    AdvanceReadPosition<'a> {
        conversation: Uuid,
        member: &'a Uuid,
        read_seq: i64,
        seen: Option<i64>,
        hidden_unread: i64,
    } -> ();
    "UPDATE conversation_members
        SET read_seq = " [read_seq: BigInt] ", peer_seen = coalesce(" [seen: Nullable<BigInt>] ", peer_seen),
            hidden_unread = " [hidden_unread: BigInt] ",
            shown_read_seq = CASE WHEN read_shown THEN NULL ELSE shown_read_seq END,
            changed_in = " {STAMP} ", shown_in = CASE WHEN read_shown THEN " {STAMP} " ELSE shown_in END
      WHERE conversation_id = " [conversation: SqlUuid] " AND user_id = " [member: SqlUuid]
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversation_members)]
struct LockedMember {
    read_seq: i64,
    cleared_seq: i64,
    peer_id: Uuid,
    deleted_seq: i64,
    hidden_unread: i64,
    read_shown: bool,
    shown_read_seq: Option<i64>,
}

impl LockedMember {
    /// Whether a block that is over has hidden the position from the peer, so that any reading shows it again.
    const fn shows_again(&self) -> bool {
        self.read_shown && self.shown_read_seq.is_some()
    }

    /// The accounts that the member's reading concerns: the peer only where no block hides it.
    fn concerned(&self, member: UserId) -> impl IntoIterator<Item = UserId> + use<> {
        let peer = self.read_shown.then_some(UserId::from_uuid(self.peer_id));
        std::iter::once(member).chain(peer)
    }
}

pub(super) fn mark_read(
    connection: &mut PgConnection,
    member: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Noted<Option<ReadPosition>>, DbError> {
    let (id, user) = (conversation.as_uuid(), member.as_uuid());
    let row = conversation_members::table.find((id, user));
    let locked: Option<LockedMember> =
        row.select(LockedMember::as_select()).for_no_key_update().first(connection).optional()?;
    let Some(locked) = locked else { return Ok(Noted::nothing(None)) };
    let mut changes = Changes::default();
    let (last_seq, recalled_seq): (i64, i64) = conversations::table
        .find(id)
        .select((conversations::last_seq, conversations::recalled_seq))
        .first(connection)?;
    let wanted = seq.get().min(last_seq);
    if wanted > locked.read_seq || locked.shows_again() {
        // At or below the cleared position there is nothing new to see.
        let (seen, hidden_unread) = if wanted > locked.read_seq.max(locked.cleared_seq) {
            let view = HiddenView { conversation: id, member: &user, peer: &locked.peer_id };
            let advance = Advance {
                from: locked.read_seq.max(locked.cleared_seq),
                to: wanted,
                newest_hidden: locked.deleted_seq.max(recalled_seq),
            };
            let hidden = view.after(connection, advance, locked.hidden_unread)?;
            (Some(seen_at(connection, id, wanted, locked.peer_id)?), hidden)
        } else {
            (None, locked.hidden_unread)
        };
        let read_seq = wanted.max(locked.read_seq);
        AdvanceReadPosition { conversation: id, member: &user, read_seq, seen, hidden_unread }
            .execute(connection)?;
        changes.stamped(locked.concerned(member));
    }
    let (read_seq, unread_count): (i64, i64) =
        Unread { conversation: id, member: &user }.get_result(connection)?;
    Ok(changes.with(Some(ReadPosition { read_seq: Seq::new(read_seq), unread_count })))
}

/// The number of `peer`'s messages at or before the message at `seq`.
fn seen_at(connection: &mut PgConnection, conversation: Uuid, seq: i64, peer: Uuid) -> Result<i64, DbError> {
    let (sender, ordinal): (Uuid, i64) = messages::table
        .find((conversation, seq))
        .select((messages::sender_id, messages::sender_ordinal))
        .first(connection)?;
    Ok(peer_messages_up_to(Seq::new(seq), ordinal, sender == peer))
}
