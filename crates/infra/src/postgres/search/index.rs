//! How blocks are written: forward in the background, and again when a message is recalled.
//!
//! Whoever writes a conversation's blocks first locks its row in `search_progress` and reads the messages after that. So a
//! text that was recalled is never written by somebody who has read it before, and the other way round a recall finds
//! every block that holds its text.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::message::MessageId;
use uuid::Uuid;

use super::block::{BLOCK, before, block_of, join, whole_blocks};
use super::read::{Span, texts};
use crate::db::{DbError, statement};

statement! {
    // The conversations among the next so many that have something to be written, and where the next ones begin; none at
    // the end. They are looked up by key, one by one, whatever the planner believes of tables that it has not seen.
    Lagging<'a> { after: &'a Uuid, among: i64, block: i64, silence: f64 } -> (Nullable<SqlUuid>, Array<SqlUuid>);
    "SELECT e.id, array(
            SELECT c.id
              FROM (SELECT c.id, c.last_seq, c.last_at FROM conversations c
                     WHERE c.id > " [after: SqlUuid] "
                       AND c.id <= coalesce(e.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') OFFSET 0) c
              LEFT JOIN LATERAL (
                   SELECT p.indexed_seq FROM search_progress p WHERE p.conversation_id = c.id OFFSET 0) p ON true
             WHERE c.last_seq - coalesce(p.indexed_seq, 0) >= " [block: BigInt] "
                OR (c.last_seq > coalesce(p.indexed_seq, 0) AND c.last_at <= clock_timestamp() - make_interval(secs => " [silence: Double] "))
             ORDER BY c.id)
       FROM (SELECT (SELECT id FROM conversations WHERE id > " [after: SqlUuid] "
                      ORDER BY id OFFSET " [among: BigInt] " LIMIT 1) AS id) e"
}

statement! {
    BeginProgress<'a> { ids: &'a [Uuid] } -> ();
    "INSERT INTO search_progress (conversation_id)
     SELECT id FROM unnest(" [ids: Array<SqlUuid>] ") AS u (id) ORDER BY id
         ON CONFLICT (conversation_id) DO NOTHING"
}

statement! {
    // What is lost in a crash is written again, so that nobody needs to wait for the disk. What somebody else writes just
    // now comes next time.
    LockProgress<'a> { ids: &'a [Uuid], silence: f64 } -> (SqlUuid, BigInt, BigInt, Bool, Text);
    "SELECT p.conversation_id, p.indexed_seq, c.last_seq,
            coalesce(c.last_at <= clock_timestamp() - make_interval(secs => " [silence: Double] "), false),
            set_config('synchronous_commit', 'off', true)
       FROM search_progress p JOIN conversations c ON c.id = p.conversation_id
      WHERE p.conversation_id = ANY(" [ids: Array<SqlUuid>] ")
      ORDER BY p.conversation_id
        FOR NO KEY UPDATE OF p SKIP LOCKED"
}

statement! {
    // Locks the row, which is made if it is not there, and tells how far the conversation is written.
    HoldProgress<'a> { id: &'a Uuid } -> (BigInt);
    "INSERT INTO search_progress AS p (conversation_id) VALUES (" [id: SqlUuid] ")
         ON CONFLICT (conversation_id) DO UPDATE SET indexed_seq = p.indexed_seq
  RETURNING indexed_seq"
}

statement! {
    // The times of all blocks come in one array, because PostgreSQL has no arrays of arrays of various lengths.
    WriteBlocks<'a> {
        ids: &'a [Uuid],
        blocks: &'a [i64],
        times: &'a [DateTime<Utc>],
        from: &'a [i64],
        to: &'a [i64],
        texts: &'a [String],
    } -> ();
    "INSERT INTO search_blocks (conversation_id, block, times, folded)
     SELECT r.id, r.block, t.times[r.first::int : r.last::int], r.folded
       FROM (SELECT " [times: Array<Timestamptz>] " AS times) t,
            unnest(" [ids: Array<SqlUuid>] ", " [blocks: Array<BigInt>] ", " [from: Array<BigInt>] ", "
            [to: Array<BigInt>] ", " [texts: Array<Text>] ") AS r (id, block, first, last, folded)
         ON CONFLICT (conversation_id, block) DO UPDATE SET times = excluded.times, folded = excluded.folded"
}

statement! {
    MoveProgress<'a> { ids: &'a [Uuid], up_to: &'a [i64] } -> ();
    "UPDATE search_progress p SET indexed_seq = r.up_to
       FROM unnest(" [ids: Array<SqlUuid>] ", " [up_to: Array<BigInt>] ") AS r (id, up_to)
      WHERE p.conversation_id = r.id"
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// A conversation that was silent for so long is written to its end. Where people are writing, whole blocks are enough:
    /// the last one would be written again for every few words.
    pub(super) silence: Duration,
    /// Messages that are read at once.
    pub(super) messages: i64,
}

/// Which conversations lag, of the next `among` behind `after`, and where the next ones begin.
pub(super) fn lagging(
    connection: &mut PgConnection,
    after: Uuid,
    among: i64,
    bounds: Bounds,
) -> Result<(Option<Uuid>, Vec<Uuid>), DbError> {
    let silence = bounds.silence.as_secs_f64();
    Ok(Lagging { after: &after, among, block: BLOCK, silence }.get_result(connection)?)
}

/// Writes blocks of these conversations within `bounds`, and returns the conversations that are not done. It must run in a
/// transaction.
pub(super) fn advance(
    connection: &mut PgConnection,
    conversations: &[Uuid],
    bounds: Bounds,
) -> Result<Vec<Uuid>, DbError> {
    BeginProgress { ids: conversations }.execute(connection)?;
    let silence = bounds.silence.as_secs_f64();
    let locked: Vec<(Uuid, i64, i64, bool, String)> =
        LockProgress { ids: conversations, silence }.load(connection)?;
    let (mut left, mut spans, mut unfinished) = (bounds.messages, Vec::new(), Vec::new());
    for (conversation, indexed, last, is_silent, _) in locked {
        let wanted = if is_silent { last } else { whole_blocks(last) };
        let after = before(block_of(indexed + 1));
        let up_to = wanted.min(whole_blocks(after + left.max(0)));
        if up_to < wanted {
            unfinished.push(conversation);
        }
        if up_to > indexed {
            left -= up_to - after;
            spans.push(Span { conversation, after, up_to });
        }
    }
    if spans.is_empty() {
        return Ok(unfinished);
    }
    write(connection, &spans)?;
    let ids: Vec<Uuid> = spans.iter().map(|span| span.conversation).collect();
    let up_to: Vec<i64> = spans.iter().map(|span| span.up_to).collect();
    MoveProgress { ids: &ids, up_to: &up_to }.execute(connection)?;
    Ok(unfinished)
}

/// Takes a message's text, which is gone from `messages` already, out of its block. It must run in the transaction that
/// took it from there.
pub(in crate::postgres) fn forget(connection: &mut PgConnection, message: MessageId) -> Result<(), DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    let (indexed,): (i64,) = HoldProgress { id: &conversation }.get_result(connection)?;
    if seq > indexed {
        return Ok(());
    }
    let block = block_of(seq);
    write(connection, &[Span { conversation, after: before(block), up_to: indexed.min(before(block + 1)) }])
}

/// The messages of a block, as they were read.
type Read = Vec<(i64, Option<String>, DateTime<Utc>)>;

/// Writes all blocks of these parts, each of which begins with a block; their rows in `search_progress` are locked.
fn write(connection: &mut PgConnection, spans: &[Span]) -> Result<(), DbError> {
    let mut read: HashMap<(Uuid, i64), Read> = HashMap::new();
    for (conversation, seq, content, at) in texts(connection, spans)? {
        read.entry((conversation, block_of(seq))).or_default().push((seq, content, at));
    }
    let mut keys: Vec<(Uuid, i64)> = read.keys().copied().collect();
    keys.sort_unstable();
    let (mut times, mut from, mut to, mut joined) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for key in &keys {
        let messages = read.remove(key).unwrap_or_default();
        from.push(count(&times) + 1);
        joined.push(lay_out(key.1, &messages, &mut times));
        to.push(count(&times));
    }
    let (ids, blocks): (Vec<Uuid>, Vec<i64>) = keys.into_iter().unzip();
    WriteBlocks { ids: &ids, blocks: &blocks, times: &times, from: &from, to: &to, texts: &joined }
        .execute(connection)?;
    Ok(())
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// The texts of a block, and behind `times` their times. A message that is not there any more leaves its place empty.
fn lay_out(block: i64, messages: &Read, times: &mut Vec<DateTime<Utc>>) -> String {
    let Some((last, _, _)) = messages.last() else { return String::new() };
    let mut texts = Vec::new();
    let mut next = messages.iter().peekable();
    for seq in before(block) + 1..=*last {
        // The next one's time will do for a message that is gone.
        let Some((found, content, at)) = next.peek() else { break };
        times.push(*at);
        texts.push(content.as_deref().filter(|_| *found == seq));
        if *found == seq {
            next.next();
        }
    }
    join(texts.into_iter())
}
