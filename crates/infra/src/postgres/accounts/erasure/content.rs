//! The second erasure stage: deletion marks of the erased account, and conversations whose members are both erased.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use domain::number::saturating;
use uuid::Uuid;

use super::batch::{BatchProgress, ErasedPair, MAX_ROWS};
use crate::db::{DbError, statement};
use crate::postgres::row_values::ERASED;
use crate::schema::{conversations, users};

statement! {
    RemoveDeletionsOf<'a> { pairs: &'a [Uuid], user: &'a Uuid, limit: i64 } -> ();
    "DELETE FROM message_deletions WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM message_deletions
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") AND user_id = " [user: SqlUuid]
    "     LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ") AND user_id = " [user: SqlUuid]
}

statement! {
    RemoveDeletions<'a> { pairs: &'a [Uuid], limit: i64 } -> ();
    "DELETE FROM message_deletions WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM message_deletions
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ")"
}

statement! {
    RemoveToldDeletionsOf<'a> { pairs: &'a [Uuid], user: &'a Uuid, limit: i64 } -> ();
    "DELETE FROM deletions_by_change WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM deletions_by_change
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") AND user_id = " [user: SqlUuid]
    "     LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ") AND user_id = " [user: SqlUuid]
}

statement! {
    RemoveToldDeletions<'a> { pairs: &'a [Uuid], limit: i64 } -> ();
    "DELETE FROM deletions_by_change WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM deletions_by_change
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ")"
}

statement! {
    RemoveRecalls<'a> { pairs: &'a [Uuid], limit: i64 } -> ();
    "DELETE FROM recalls_by_change WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM recalls_by_change
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ")"
}

statement! {
    RemoveMessages<'a> { pairs: &'a [Uuid], limit: i64 } -> ();
    "DELETE FROM messages WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM messages
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ")"
}

statement! {
    // Marks the conversations as fully indexed, so that the search indexer skips them while their messages are deleted.
    StopIndexing<'a> { pairs: &'a [Uuid] } -> ();
    "INSERT INTO search_progress (conversation_id, indexed_seq)
     SELECT id, last_seq FROM conversations WHERE id = ANY (" [pairs: Array<SqlUuid>] ") ORDER BY id
         ON CONFLICT (conversation_id) DO UPDATE SET indexed_seq = excluded.indexed_seq"
}

statement! {
    RemoveSearchBlocks<'a> { pairs: &'a [Uuid], limit: i64 } -> ();
    "DELETE FROM search_blocks WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM search_blocks
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [limit: BigInt] "))
        AND conversation_id = ANY (" [pairs: Array<SqlUuid>] ")"
}

/// Locks the pairs whose peer is erased too. The lock keeps the peer's erasure from deleting the same rows
/// concurrently.
fn lock_both_erased(connection: &mut PgConnection, pairs: &[ErasedPair]) -> Result<Vec<Uuid>, DbError> {
    let peers: Vec<Uuid> = pairs.iter().map(|pair| pair.peer).collect();
    let erased: Vec<Uuid> = users::table
        .filter(users::id.eq_any(peers))
        .filter(users::state.eq(ERASED))
        .select(users::id)
        .load(connection)?;
    let both_erased: Vec<Uuid> =
        pairs.iter().filter(|pair| erased.contains(&pair.peer)).map(|pair| pair.id).collect();
    Ok(conversations::table
        .filter(conversations::id.eq_any(both_erased))
        .order(conversations::id)
        .select(conversations::id)
        .for_update()
        .load(connection)?)
}

/// Deletes at most `limit` rows of a table in which a pair can have any number of rows. Returns the number of deleted
/// rows.
type DeleteRows = fn(&mut PgConnection, erased: Uuid, pairs: &[Uuid], limit: i64) -> QueryResult<usize>;

/// Deletions in all pairs of the erased account.
const DELETIONS_OF_ONE: &[DeleteRows] = &[
    |connection, erased, pairs, limit| RemoveDeletionsOf { pairs, user: &erased, limit }.execute(connection),
    |connection, erased, pairs, limit| {
        RemoveToldDeletionsOf { pairs, user: &erased, limit }.execute(connection)
    },
];

/// Deletions in pairs whose members are both erased, before the pair itself, in lock order. Every table in which a
/// conversation can have any number of rows needs a line here.
const DELETIONS_OF_BOTH: &[DeleteRows] = &[
    |connection, _, pairs, limit| RemoveMessages { pairs, limit }.execute(connection),
    |connection, _, pairs, limit| RemoveDeletions { pairs, limit }.execute(connection),
    |connection, _, pairs, limit| RemoveToldDeletions { pairs, limit }.execute(connection),
    |connection, _, pairs, limit| RemoveRecalls { pairs, limit }.execute(connection),
    |connection, _, pairs, limit| RemoveSearchBlocks { pairs, limit }.execute(connection),
];

/// Deletes the content of the pairs up to the row limit.
pub(super) fn remove(
    connection: &mut PgConnection,
    erased: Uuid,
    pairs: &[ErasedPair],
) -> Result<BatchProgress, DbError> {
    let all: Vec<Uuid> = pairs.iter().map(|pair| pair.id).collect();
    let both_erased = lock_both_erased(connection, pairs)?;
    if !both_erased.is_empty() {
        StopIndexing { pairs: &both_erased }.execute(connection)?;
    }
    let mut left = MAX_ROWS;
    for (deletions, pairs) in [(DELETIONS_OF_ONE, &all), (DELETIONS_OF_BOTH, &both_erased)] {
        for delete in deletions {
            left -= saturating::<i64, _>(delete(connection, erased, pairs, left)?);
            if left <= 0 {
                return Ok(BatchProgress::SameBatch);
            }
        }
    }
    // Members and requests are deleted by cascade.
    diesel::delete(conversations::table.filter(conversations::id.eq_any(both_erased))).execute(connection)?;
    Ok(pairs.last().map_or(BatchProgress::SameBatch, |last| BatchProgress::UpTo(last.id)))
}
