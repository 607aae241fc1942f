//! Batched reads of a search: each statement looks up many keys at once.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::message::{ClientMessageId, Message, MessageId, Seq};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::pairs::conversation::OWN_KEY;
use crate::postgres::pairs::deletions::DELETED;
use crate::postgres::pairs::message::state_from_row;

statement! {
    Texts<'a> { ids: &'a [Uuid], after: &'a [i64], up_to: &'a [i64] }
        -> (SqlUuid, BigInt, Nullable<Text>, Timestamptz);
    "SELECT r.id, x.seq, x.content, x.created_at
       FROM unnest(" [ids: Array<SqlUuid>] ", " [after: Array<BigInt>] ", " [up_to: Array<BigInt>] ")
            AS r (id, after, up_to)
      CROSS JOIN LATERAL (
            SELECT x.seq, x.content, x.created_at FROM messages x
             WHERE x.conversation_id = r.id AND x.seq > r.after AND x.seq <= r.up_to
             ORDER BY x.seq OFFSET 0) x"
}

statement! {
    Blocks<'a> { ids: &'a [Uuid], blocks: &'a [i64] } -> (SqlUuid, BigInt, Array<Timestamptz>, Text);
    "SELECT r.id, r.block, b.times, b.folded
       FROM unnest(" [ids: Array<SqlUuid>] ", " [blocks: Array<BigInt>] ") AS r (id, block)
      CROSS JOIN LATERAL (
            SELECT b.times, b.folded FROM search_blocks b
             WHERE b.conversation_id = r.id AND b.block = r.block OFFSET 0) b"
}

statement! {
    // A deletion is looked up only where one is possible.
    Visible<'a> { member: &'a Uuid, ids: &'a [Uuid], seqs: &'a [i64], maybe_deleted: &'a [bool] }
        -> (SqlUuid, BigInt, SqlUuid, Nullable<Text>, Text, Timestamptz);
    "SELECT r.id, r.seq, x.sender_id, " {OWN_KEY} ", x.content, x.created_at
       FROM (SELECT " [member: SqlUuid] " AS user_id) m, unnest(" [ids: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [maybe_deleted: Array<Bool>] ")
            WITH ORDINALITY AS r (id, seq, maybe_deleted, n)
      CROSS JOIN LATERAL (
            SELECT x.* FROM messages x WHERE x.conversation_id = r.id AND x.seq = r.seq OFFSET 0) x
      WHERE x.content IS NOT NULL
        AND CASE WHEN NOT r.maybe_deleted THEN true ELSE (
            SELECT NOT " {DELETED} " FROM (SELECT r.id AS conversation_id, m.user_id) m) END
      ORDER BY r.n"
}

/// A range of messages in a conversation: `after` is excluded, `up_to` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeqRange {
    pub(super) conversation: Uuid,
    pub(super) after: i64,
    pub(super) up_to: i64,
}

/// A message's text, `None` if it was recalled.
#[derive(Queryable)]
pub(super) struct TextRow {
    pub(super) conversation: Uuid,
    pub(super) seq: i64,
    pub(super) content: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// The messages in these ranges; within a range they are in the order of their seq.
pub(super) fn texts(connection: &mut PgConnection, ranges: &[SeqRange]) -> Result<Vec<TextRow>, DbError> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let texts = Texts {
        ids: &ranges.iter().map(|range| range.conversation).collect::<Vec<_>>(),
        after: &ranges.iter().map(|range| range.after).collect::<Vec<_>>(),
        up_to: &ranges.iter().map(|range| range.up_to).collect::<Vec<_>>(),
    };
    Ok(texts.load(connection)?)
}

/// A block: the creation times and the joined, folded texts of its messages.
#[derive(Queryable)]
pub(super) struct BlockRow {
    pub(super) conversation: Uuid,
    pub(super) number: i64,
    pub(super) times: Vec<DateTime<Utc>>,
    pub(super) folded: String,
}

/// The blocks with these keys: `ids` and `numbers` are parallel.
pub(super) fn blocks(
    connection: &mut PgConnection,
    ids: &[Uuid],
    numbers: &[i64],
) -> Result<Vec<BlockRow>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Blocks { ids, blocks: numbers }.load(connection)?)
}

/// A message whose indexed text contains the term.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) conversation: Uuid,
    pub(super) seq: i64,
    /// Whether the member may have deleted the message.
    pub(super) maybe_deleted: bool,
}

/// A message that the member sees, with its text.
#[derive(Queryable)]
struct VisibleRow {
    conversation: Uuid,
    seq: i64,
    sender: Uuid,
    key: Option<String>,
    content: String,
    created_at: DateTime<Utc>,
}

impl From<VisibleRow> for Message {
    fn from(row: VisibleRow) -> Self {
        let conversation = ConversationId::from_uuid(row.conversation);
        Self {
            id: MessageId { conversation, seq: Seq::new(row.seq) },
            sender_id: UserId::from_uuid(row.sender),
            state: state_from_row(Some(row.content)),
            client_message_id: row.key.map(ClientMessageId::from_stored),
            created_at: row.created_at,
        }
    }
}

/// The candidates that still have a text and are not deleted by the member, in the same order.
pub(super) fn visible(
    connection: &mut PgConnection,
    member: UserId,
    candidates: &[Candidate],
) -> Result<Vec<Message>, DbError> {
    let visible = Visible {
        member: &member.as_uuid(),
        ids: &candidates.iter().map(|candidate| candidate.conversation).collect::<Vec<_>>(),
        seqs: &candidates.iter().map(|candidate| candidate.seq).collect::<Vec<_>>(),
        maybe_deleted: &candidates.iter().map(|candidate| candidate.maybe_deleted).collect::<Vec<_>>(),
    };
    let rows: Vec<VisibleRow> = visible.load(connection)?;
    Ok(rows.into_iter().map(Message::from).collect())
}
