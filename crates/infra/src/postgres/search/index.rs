//! Writes search blocks: the indexer appends them in the background, and a recall rewrites the block of its message.
//!
//! Both first lock the conversation's row in `search_progress` and only then read the messages. So the indexer cannot write a
//! recalled text that it has read before the recall, and a recall finds every block that contains its text.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::message::MessageId;
use domain::number::saturating;
use uuid::Uuid;

use super::block::{BLOCK, before, block_of, join_texts, whole_blocks};
use super::read::{SeqRange, TextRow, texts};
use crate::db::{DbError, statement};

statement! {
    // One page of conversations by id: where the next page starts (NULL after the last), and those that lag. Progress is looked
    // up by key per conversation, whatever the planner estimates for tables without statistics.
    Lagging<'a> { after: &'a Uuid, page_size: i64, block: i64, quiet_after: f64 } -> (Nullable<SqlUuid>, Array<SqlUuid>);
    "SELECT e.id, array(
            SELECT c.id
              FROM (SELECT c.id, c.last_seq, c.last_at FROM conversations c
                     WHERE c.id > " [after: SqlUuid] "
                       AND c.id <= coalesce(e.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') OFFSET 0) c
              LEFT JOIN LATERAL (
                   SELECT p.indexed_seq FROM search_progress p WHERE p.conversation_id = c.id OFFSET 0) p ON true
             WHERE c.last_seq - coalesce(p.indexed_seq, 0) >= " [block: BigInt] "
                OR (c.last_seq > coalesce(p.indexed_seq, 0) AND c.last_at <= clock_timestamp() - make_interval(secs => " [quiet_after: Double] "))
             ORDER BY c.id)
       FROM (SELECT (SELECT id FROM conversations WHERE id > " [after: SqlUuid] "
                      ORDER BY id OFFSET " [page_size: BigInt] " LIMIT 1) AS id) e"
}

statement! {
    BeginProgress<'a> { ids: &'a [Uuid] } -> ();
    "INSERT INTO search_progress (conversation_id)
     SELECT id FROM unnest(" [ids: Array<SqlUuid>] ") AS u (id) ORDER BY id
         ON CONFLICT (conversation_id) DO NOTHING"
}

statement! {
    // Blocks lost in a crash are written again, so the commit need not wait for the disk. Rows that are locked by a recall are
    // left for the next pass.
    LockProgress<'a> { ids: &'a [Uuid], quiet_after: f64 } -> (SqlUuid, BigInt, BigInt, Bool, Text);
    "SELECT p.conversation_id, p.indexed_seq, c.last_seq,
            coalesce(c.last_at <= clock_timestamp() - make_interval(secs => " [quiet_after: Double] "), false),
            set_config('synchronous_commit', 'off', true)
       FROM search_progress p JOIN conversations c ON c.id = p.conversation_id
      WHERE p.conversation_id = ANY(" [ids: Array<SqlUuid>] ")
      ORDER BY p.conversation_id
        FOR NO KEY UPDATE OF p SKIP LOCKED"
}

statement! {
    // Locks the row, creating it if necessary, and returns how far the conversation is indexed.
    HoldProgress<'a> { id: &'a Uuid } -> (BigInt);
    "INSERT INTO search_progress AS p (conversation_id) VALUES (" [id: SqlUuid] ")
         ON CONFLICT (conversation_id) DO UPDATE SET indexed_seq = p.indexed_seq
  RETURNING indexed_seq"
}

statement! {
    // The times of all blocks share one array, because PostgreSQL has no arrays of arrays of different lengths.
    WriteBlocks<'a> {
        ids: &'a [Uuid],
        blocks: &'a [i64],
        times: &'a [DateTime<Utc>],
        first: &'a [i64],
        last: &'a [i64],
        texts: &'a [String],
    } -> ();
    "INSERT INTO search_blocks (conversation_id, block, times, folded)
     SELECT r.id, r.block, t.times[r.first::int : r.last::int], r.folded
       FROM (SELECT " [times: Array<Timestamptz>] " AS times) t,
            unnest(" [ids: Array<SqlUuid>] ", " [blocks: Array<BigInt>] ", " [first: Array<BigInt>] ", "
            [last: Array<BigInt>] ", " [texts: Array<Text>] ") AS r (id, block, first, last, folded)
         ON CONFLICT (conversation_id, block) DO UPDATE SET times = excluded.times, folded = excluded.folded"
}

statement! {
    MoveProgress<'a> { ids: &'a [Uuid], up_to: &'a [i64] } -> ();
    "UPDATE search_progress p SET indexed_seq = r.up_to
       FROM unnest(" [ids: Array<SqlUuid>] ", " [up_to: Array<BigInt>] ") AS r (id, up_to)
      WHERE p.conversation_id = r.id"
}

/// The columns of [`LockProgress`], in its order.
#[derive(Queryable)]
struct LockedProgress {
    conversation: Uuid,
    indexed_seq: i64,
    last_seq: i64,
    is_quiet: bool,
    _synchronous_commit: String,
}

/// Which messages a step indexes.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexLimits {
    /// A conversation without messages for this long is indexed to its end, an active one in whole blocks only: its last block
    /// would be rewritten for every few messages.
    pub(super) quiet_after: Duration,
    /// Messages read per step.
    pub(super) messages: i64,
}

/// Of the next `page_size` conversations after `after`: where the next page starts, and which ones lag.
pub(super) fn lagging(
    connection: &mut PgConnection,
    after: Uuid,
    page_size: i64,
    limits: IndexLimits,
) -> Result<(Option<Uuid>, Vec<Uuid>), DbError> {
    let quiet_after = limits.quiet_after.as_secs_f64();
    Ok(Lagging { after: &after, page_size, block: BLOCK, quiet_after }.get_result(connection)?)
}

/// Indexes these conversations within `limits` and returns those that are not finished. It must run in a transaction.
pub(super) fn advance(
    connection: &mut PgConnection,
    conversations: &[Uuid],
    limits: IndexLimits,
) -> Result<Vec<Uuid>, DbError> {
    BeginProgress { ids: conversations }.execute(connection)?;
    let quiet_after = limits.quiet_after.as_secs_f64();
    let locked: Vec<LockedProgress> = LockProgress { ids: conversations, quiet_after }.load(connection)?;
    let (mut left, mut ranges, mut unfinished) = (limits.messages, Vec::new(), Vec::new());
    for LockedProgress { conversation, indexed_seq, last_seq, is_quiet, .. } in locked {
        let wanted = if is_quiet { last_seq } else { whole_blocks(last_seq) };
        let after = before(block_of(indexed_seq + 1));
        let up_to = wanted.min(whole_blocks(after + left.max(0)));
        if up_to < wanted {
            unfinished.push(conversation);
        }
        if up_to > indexed_seq {
            left -= up_to - after;
            ranges.push(SeqRange { conversation, after, up_to });
        }
    }
    if ranges.is_empty() {
        return Ok(unfinished);
    }
    write_blocks(connection, &ranges)?;
    let ids: Vec<Uuid> = ranges.iter().map(|range| range.conversation).collect();
    let up_to: Vec<i64> = ranges.iter().map(|range| range.up_to).collect();
    MoveProgress { ids: &ids, up_to: &up_to }.execute(connection)?;
    Ok(unfinished)
}

/// Removes a recalled message's text from its block. It must run in the transaction that removed the text from `messages`,
/// after that statement.
pub(in crate::postgres) fn forget(connection: &mut PgConnection, message: MessageId) -> Result<(), DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    let (indexed,): (i64,) = HoldProgress { id: &conversation }.get_result(connection)?;
    if seq > indexed {
        return Ok(());
    }
    let block = block_of(seq);
    let up_to = indexed.min(before(block + 1));
    write_blocks(connection, &[SeqRange { conversation, after: before(block), up_to }])
}

/// Writes the blocks of these ranges, each of which starts at the start of a block. Their rows in `search_progress` must be locked.
fn write_blocks(connection: &mut PgConnection, ranges: &[SeqRange]) -> Result<(), DbError> {
    let mut by_block: BTreeMap<(Uuid, i64), Vec<TextRow>> = BTreeMap::new();
    for row in texts(connection, ranges)? {
        by_block.entry((row.conversation, block_of(row.seq))).or_default().push(row);
    }
    let (mut times, mut first, mut last, mut joined) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((_, block), messages) in &by_block {
        first.push(saturating::<i64, _>(times.len()) + 1);
        joined.push(build_block(*block, messages, &mut times));
        last.push(saturating::<i64, _>(times.len()));
    }
    let (ids, blocks): (Vec<Uuid>, Vec<i64>) = by_block.into_keys().unzip();
    WriteBlocks { ids: &ids, blocks: &blocks, times: &times, first: &first, last: &last, texts: &joined }
        .execute(connection)?;
    Ok(())
}

/// Joins the texts of a block and appends the messages' times to `times`. A missing message leaves an empty position.
fn build_block(block: i64, messages: &[TextRow], times: &mut Vec<DateTime<Utc>>) -> String {
    let Some(last) = messages.last() else { return String::new() };
    let mut texts = Vec::new();
    let mut next = messages.iter().peekable();
    for seq in before(block) + 1..=last.seq {
        // A missing message takes the time of the next one.
        let Some(message) = next.peek() else { break };
        times.push(message.created_at);
        texts.push(message.content.as_deref().filter(|_| message.seq == seq));
        if message.seq == seq {
            next.next();
        }
    }
    join_texts(texts.into_iter())
}
