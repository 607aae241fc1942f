//! The second stage: what the erased one had deleted for itself, and conversations of which both sides are erased.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use super::erasure::{Pair, ROWS, Reached};
use crate::db::{DbError, statement};
use crate::postgres::stored::ERASED;
use crate::schema::{conversations, users};

statement! {
    RemoveDeletionsOf<'a> { pairs: &'a [Uuid], user: &'a Uuid, most: i64 } -> ();
    "DELETE FROM message_deletions WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM message_deletions
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") AND user_id = " [user: SqlUuid]
    "     LIMIT " [most: BigInt] "))"
}

statement! {
    RemoveDeletions<'a> { pairs: &'a [Uuid], most: i64 } -> ();
    "DELETE FROM message_deletions WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM message_deletions
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [most: BigInt] "))"
}

statement! {
    RemoveMessages<'a> { pairs: &'a [Uuid], most: i64 } -> ();
    "DELETE FROM messages WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM messages
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [most: BigInt] "))"
}

statement! {
    // What was indexed up to its end is indexed no further, whatever is removed.
    StopIndexing<'a> { pairs: &'a [Uuid] } -> ();
    "INSERT INTO search_progress (conversation_id, indexed_seq)
     SELECT id, last_seq FROM conversations WHERE id = ANY (" [pairs: Array<SqlUuid>] ") ORDER BY id
         ON CONFLICT (conversation_id) DO UPDATE SET indexed_seq = excluded.indexed_seq"
}

statement! {
    RemoveBlocks<'a> { pairs: &'a [Uuid], most: i64 } -> ();
    "DELETE FROM search_blocks WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM search_blocks
          WHERE conversation_id = ANY (" [pairs: Array<SqlUuid>] ") LIMIT " [most: BigInt] "))"
}

/// The pairs of which the peer is erased too, locked: nobody else removes anything of them meanwhile.
fn lock_dead(connection: &mut PgConnection, pairs: &[Pair]) -> Result<Vec<Uuid>, DbError> {
    let peers: Vec<Uuid> = pairs.iter().map(|pair| pair.peer).collect();
    let erased: Vec<Uuid> = users::table
        .filter(users::id.eq_any(peers))
        .filter(users::state.eq(ERASED))
        .select(users::id)
        .load(connection)?;
    let dead: Vec<Uuid> =
        pairs.iter().filter(|pair| erased.contains(&pair.peer)).map(|pair| pair.id).collect();
    Ok(conversations::table
        .filter(conversations::id.eq_any(dead))
        .order(conversations::id)
        .select(conversations::id)
        .for_update()
        .load(connection)?)
}

/// Removes what a pair can have any number of, at most so many rows; how many there were.
type Remove = fn(&mut PgConnection, erased: Uuid, pairs: &[Uuid], most: i64) -> QueryResult<usize>;

/// What is removed of all pairs of the erased one.
const OF_ONE: &[Remove] =
    &[|connection, erased, pairs, most| RemoveDeletionsOf { pairs, user: &erased, most }.execute(connection)];

/// What is removed where both sides are erased, before the pair itself, in the order in which it is locked. A table of which a
/// conversation can have any number of rows gets its line here.
const OF_BOTH: &[Remove] = &[
    |connection, _, pairs, most| RemoveMessages { pairs, most }.execute(connection),
    |connection, _, pairs, most| RemoveDeletions { pairs, most }.execute(connection),
    |connection, _, pairs, most| RemoveBlocks { pairs, most }.execute(connection),
];

/// Removes the content of the pairs as far as the limit of rows goes.
pub(super) fn remove(
    connection: &mut PgConnection,
    erased: Uuid,
    pairs: &[Pair],
) -> Result<Reached, DbError> {
    let all: Vec<Uuid> = pairs.iter().map(|pair| pair.id).collect();
    let dead = lock_dead(connection, pairs)?;
    if !dead.is_empty() {
        StopIndexing { pairs: &dead }.execute(connection)?;
    }
    let mut left = ROWS;
    for (removals, pairs) in [(OF_ONE, &all), (OF_BOTH, &dead)] {
        for remove in removals {
            left -= i64::try_from(remove(connection, erased, pairs, left)?).unwrap_or(ROWS);
            if left <= 0 {
                return Ok(Reached::Nowhere);
            }
        }
    }
    // Members and requests go with the pair.
    diesel::delete(conversations::table.filter(conversations::id.eq_any(dead))).execute(connection)?;
    Ok(pairs.last().map_or(Reached::Nowhere, |last| Reached::Pair(last.id)))
}
