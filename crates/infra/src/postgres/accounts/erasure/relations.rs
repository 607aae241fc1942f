//! The first erasure stage: friendships, requests, blocks, and the erased account's memberships.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use uuid::Uuid;

use super::batch::{BatchProgress, ErasedPair, MAX_ROWS};
use crate::db::{DbError, statement};
use crate::postgres::change::Changes;
use crate::postgres::pairs::pair;
use crate::schema::{conversation_members, conversations};

statement! {
    RemoveRequests<'a> { pairs: &'a [Uuid], limit: i64 } -> ();
    "DELETE FROM friendship_requests WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM friendship_requests
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ")"
}

statement! {
    // The rows of both sides, by primary key.
    RemoveFriendships<'a> { owners: &'a [Uuid], others: &'a [Uuid] } -> ();
    "DELETE FROM friendships f
      USING unnest(" [owners: Array<SqlUuid>] ", " [others: Array<SqlUuid>] ") AS p (owner_id, friend_id)
      WHERE f.owner_id = p.owner_id AND f.friend_id = p.friend_id"
}

statement! {
    RemoveBlocks<'a> { owners: &'a [Uuid], others: &'a [Uuid] } -> ();
    "DELETE FROM blocks b
      USING unnest(" [owners: Array<SqlUuid>] ", " [others: Array<SqlUuid>] ") AS p (owner_id, blocked_id)
      WHERE b.owner_id = p.owner_id AND b.blocked_id = p.blocked_id"
}

/// Locks the first pair, waiting if necessary, and as many of the following pairs as are free. A step
/// never waits for a pair while it holds another one, so it cannot make a sender wait for a third user's transaction.
fn lock(connection: &mut PgConnection, pairs: &[ErasedPair]) -> Result<Vec<ErasedPair>, DbError> {
    let Some((first, others)) = pairs.split_first() else { return Ok(Vec::new()) };
    pair::lock(connection, ConversationId::from_uuid(first.id))?;
    let others_ids: Vec<Uuid> = others.iter().map(|pair| pair.id).collect();
    let free: Vec<Uuid> = conversations::table
        .filter(conversations::id.eq_any(others_ids))
        .order(conversations::id)
        .select(conversations::id)
        .for_no_key_update()
        .skip_locked()
        .load(connection)?;
    let locked = others.iter().zip(free).take_while(|(pair, free)| pair.id == *free).map(|(pair, _)| *pair);
    Ok(std::iter::once(*first).chain(locked).collect())
}

/// Deletes the erased account's friendships, requests and blocks for every pair it can lock.
pub(super) fn remove(
    connection: &mut PgConnection,
    erased: Uuid,
    pairs: &[ErasedPair],
    changes: &mut Changes,
) -> Result<BatchProgress, DbError> {
    let pairs = lock(connection, pairs)?;
    let ids: Vec<Uuid> = pairs.iter().map(|pair| pair.id).collect();
    diesel::update(conversations::table.filter(conversations::id.eq_any(&ids)))
        .set((
            conversations::friends.eq(false),
            conversations::lo_blocks.eq(false),
            conversations::hi_blocks.eq(false),
        ))
        .execute(connection)?;
    let requests = RemoveRequests { pairs: &ids, limit: MAX_ROWS }.execute(connection)?;
    let peers = || pairs.iter().map(|pair| pair.peer);
    let owners: Vec<Uuid> = peers().map(|_| erased).chain(peers()).collect();
    let others: Vec<Uuid> = peers().chain(peers().map(|_| erased)).collect();
    RemoveFriendships { owners: &owners, others: &others }.execute(connection)?;
    RemoveBlocks { owners: &owners, others: &others }.execute(connection)?;
    remove_from_members(connection, erased, &ids)?;
    changes.relations(connection, &ids, peers().map(UserId::from_uuid))?;
    let full = i64::try_from(requests).is_ok_and(|removed| removed >= MAX_ROWS);
    Ok(pairs.last().filter(|_| !full).map_or(BatchProgress::SameBatch, |last| BatchProgress::UpTo(last.id)))
}

/// Deletes the erased account's memberships, and its remark from those of the peers.
fn remove_from_members(connection: &mut PgConnection, erased: Uuid, ids: &[Uuid]) -> Result<(), DbError> {
    let members = || conversation_members::table.filter(conversation_members::conversation_id.eq_any(ids));
    diesel::update(members().filter(conversation_members::remark.ne("")))
        .set(conversation_members::remark.eq(""))
        .execute(connection)?;
    diesel::delete(members().filter(conversation_members::user_id.eq(erased))).execute(connection)?;
    Ok(())
}
