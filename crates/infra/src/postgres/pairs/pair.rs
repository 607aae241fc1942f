//! The row of a pair: the lock that serialises everything between two users.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types as sql;
use domain::conversation::{Pair, PairState, Side};
use domain::id::{ConversationId, UserId};
use domain::message::Seq;
use uuid::Uuid;

use crate::db::{DbError, new_id, statement};
use crate::postgres::row_values::ERASED;
use crate::schema::{conversation_members, conversations, friendships, users};

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub(super) struct PairRow {
    user_lo: Uuid,
    user_hi: Uuid,
    friends: bool,
    lo_blocks: bool,
    hi_blocks: bool,
    last_seq: i64,
    lo_sent: i64,
    hi_sent: i64,
}

impl TryFrom<PairRow> for PairState {
    type Error = DbError;

    fn try_from(row: PairRow) -> Result<Self, DbError> {
        let pair = Pair::new(UserId::from_uuid(row.user_lo), UserId::from_uuid(row.user_hi))
            .ok_or(DbError::Impossible("conversations: both members are the same user"))?;
        Ok(Self {
            pair,
            friends: row.friends,
            lo_blocks: row.lo_blocks,
            hi_blocks: row.hi_blocks,
            last_seq: Seq::new(row.last_seq),
            lo_sent: row.lo_sent,
            hi_sent: row.hi_sent,
        })
    }
}

/// Locks the row of a pair; `None` if the two never met.
pub(in crate::postgres) fn lock(
    connection: &mut PgConnection,
    id: ConversationId,
) -> Result<Option<PairState>, DbError> {
    conversations::table
        .find(id.as_uuid())
        .select(PairRow::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?
        .map(PairState::try_from)
        .transpose()
}

/// Locks the row of a pair and creates it at first contact.
pub(super) fn lock_or_create(connection: &mut PgConnection, pair: &Pair) -> Result<PairState, DbError> {
    let id = pair.conversation_id();
    if let Some(state) = lock(connection, id)? {
        return Ok(state);
    }
    diesel::insert_into(conversations::table)
        .values((
            conversations::id.eq(id.as_uuid()),
            conversations::user_lo.eq(pair.lo().as_uuid()),
            conversations::user_hi.eq(pair.hi().as_uuid()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    lock(connection, id)?.ok_or(DbError::Impossible("conversations: the row just inserted is missing"))
}

/// Users whose rows change or whose counters are limited; they are locked exclusively.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// This member of the pair.
    One(Side),
    /// Both members.
    Both,
}

/// Whether both accounts exist and are not erased. Blocks their erasure until the transaction ends, and locks the counted users
/// exclusively. Users are locked one at a time in id order, so that two transactions cannot deadlock. A user who is not counted is
/// locked in shared mode, so that many requests to one user can run concurrently.
pub(super) fn both_exist_counted(
    connection: &mut PgConnection,
    pair: &Pair,
    counted: Counted,
) -> Result<bool, DbError> {
    for side in [Side::Low, Side::High] {
        let row = users::table
            .filter(users::id.eq(pair.member(side).as_uuid()))
            .filter(users::state.ne(ERASED))
            .select(users::id);
        let is_counted = counted == Counted::Both || counted == Counted::One(side);
        let found: Option<Uuid> = if is_counted {
            row.for_no_key_update().first(connection).optional()?
        } else {
            row.for_share().first(connection).optional()?
        };
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the two friends; the caller holds the pair's lock. The conversation reappears in both lists with its history.
pub(super) fn befriend(
    connection: &mut PgConnection,
    pair: &Pair,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let (id, lo, hi) = (pair.conversation_id().as_uuid(), pair.lo().as_uuid(), pair.hi().as_uuid());
    diesel::update(conversations::table.find(id))
        .set((conversations::friends.eq(true), conversations::befriended_at.eq(now)))
        .execute(connection)?;
    let friendship = |owner: Uuid, friend: Uuid, friendship_id: Uuid| {
        (
            friendships::owner_id.eq(owner),
            friendships::friend_id.eq(friend),
            friendships::friendship_id.eq(friendship_id),
            friendships::created_at.eq(now),
        )
    };
    let friendship_id = new_id(now)?;
    diesel::insert_into(friendships::table)
        .values([friendship(lo, hi, friendship_id), friendship(hi, lo, friendship_id)])
        .execute(connection)?;
    let member = |user: Uuid, peer: Uuid| {
        (
            conversation_members::conversation_id.eq(id),
            conversation_members::user_id.eq(user),
            conversation_members::peer_id.eq(peer),
        )
    };
    diesel::insert_into(conversation_members::table)
        .values([member(lo, hi), member(hi, lo)])
        .on_conflict((conversation_members::conversation_id, conversation_members::user_id))
        .do_update()
        .set(conversation_members::hidden.eq(false))
        .execute(connection)?;
    hide_or_show_reads(connection, pair)
}

statement! {
    // In the member's own row, because reading locks only that: a reading that waits for this update sees it.
    HideOrShowReads<'a> { conversation: &'a Uuid } -> ();
    "UPDATE conversation_members m
        SET read_shown = NOT (c.lo_blocks OR c.hi_blocks),
            shown_read_seq = CASE WHEN c.lo_blocks OR c.hi_blocks THEN coalesce(m.shown_read_seq, m.read_seq)
                                  ELSE m.shown_read_seq END
       FROM conversations c
      WHERE c.id = m.conversation_id AND m.conversation_id = " [conversation: sql::Uuid]
}

/// Hides further reading of both members from each other while either blocks the other. The caller holds the pair's lock.
pub(super) fn hide_or_show_reads(connection: &mut PgConnection, pair: &Pair) -> Result<(), DbError> {
    HideOrShowReads { conversation: &pair.conversation_id().as_uuid() }.execute(connection)?;
    Ok(())
}

statement! {
    // The pair's row is read once, so that the cleared position and the peer's count at it are consistent. The member's row is
    // locked before, so that no message after the new position can be hidden and the read position cannot be after it.
    ClearMember<'a> { conversation: Uuid, user: &'a Uuid } -> ();
    "UPDATE conversation_members m
        SET hidden = true,
            cleared_seq = greatest(m.cleared_seq, c.last_seq),
            peer_seen = CASE WHEN m.user_id = c.user_lo THEN c.hi_sent ELSE c.lo_sent END,
            hidden_unread = 0
       FROM conversations c
      WHERE c.id = m.conversation_id AND m.conversation_id = " [conversation: sql::Uuid]
    " AND m.user_id = " [user: sql::Uuid]
}

statement! {
    // Messages at or below the cleared position are invisible anyway, so that ranges may be left for the next clearing.
    PurgeDeletions<'a> { conversation: Uuid, user: &'a Uuid, limit: i64 } -> ();
    "DELETE FROM message_deletions WHERE ctid = ANY (ARRAY(
         SELECT d.ctid FROM message_deletions d
          WHERE d.conversation_id = " [conversation: sql::Uuid] " AND d.user_id = " [user: sql::Uuid] "
            AND d.last_seq <= (SELECT m.cleared_seq FROM conversation_members m
                                WHERE m.conversation_id = " [conversation: sql::Uuid] " AND m.user_id = " [user: sql::Uuid] ")
          ORDER BY d.last_seq
          LIMIT " [limit: sql::BigInt] "))
        AND conversation_id = " [conversation: sql::Uuid] " AND user_id = " [user: sql::Uuid]
}

statement! {
    // The cleared position tells clients of all of them.
    PurgeToldDeletions<'a> { conversation: Uuid, user: &'a Uuid, limit: i64 } -> ();
    "DELETE FROM deletions_by_change WHERE ctid = ANY (ARRAY(
         SELECT d.ctid FROM deletions_by_change d
          WHERE d.conversation_id = " [conversation: sql::Uuid] " AND d.user_id = " [user: sql::Uuid] "
          ORDER BY d.deleted_in
          LIMIT " [limit: sql::BigInt] "))
        AND conversation_id = " [conversation: sql::Uuid] " AND user_id = " [user: sql::Uuid]
}

/// Deletion marks that a clearing removes. The others are in the way of nothing.
const MAX_PURGED: i64 = 1000;

/// Clears and hides the member's view of a conversation. Returns `false` unless `member` is a member.
pub(super) fn clear_side(
    connection: &mut PgConnection,
    conversation: ConversationId,
    member: UserId,
) -> Result<bool, DbError> {
    let (conversation, user) = (conversation.as_uuid(), member.as_uuid());
    let locked: Option<i64> = conversation_members::table
        .find((conversation, user))
        .select(conversation_members::cleared_seq)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    if locked.is_none() {
        return Ok(false);
    }
    ClearMember { conversation, user: &user }.execute(connection)?;
    PurgeDeletions { conversation, user: &user, limit: MAX_PURGED }.execute(connection)?;
    PurgeToldDeletions { conversation, user: &user, limit: MAX_PURGED }.execute(connection)?;
    Ok(true)
}
