//! The statements that a search reads by, each for many keys at once.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::message::{Message, MessageContent, MessageId, Seq};
use uuid::Uuid;

use crate::db::{DbError, statement};

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
    // A deletion is looked for only where one can be.
    Present<'a> { member: &'a Uuid, ids: &'a [Uuid], seqs: &'a [i64], doubtful: &'a [bool] }
        -> (SqlUuid, BigInt, SqlUuid, Text, Timestamptz);
    "SELECT r.id, r.seq, x.sender_id, x.content, x.created_at
       FROM unnest(" [ids: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [doubtful: Array<Bool>] ")
            WITH ORDINALITY AS r (id, seq, doubtful, n)
      CROSS JOIN LATERAL (
            SELECT x.* FROM messages x WHERE x.conversation_id = r.id AND x.seq = r.seq OFFSET 0) x
      WHERE x.content IS NOT NULL
        AND CASE WHEN NOT r.doubtful THEN true ELSE NOT EXISTS (
            SELECT FROM message_deletions d
             WHERE d.conversation_id = r.id AND d.user_id = " [member: SqlUuid] " AND d.seq = r.seq) END
      ORDER BY r.n"
}

/// Messages of a conversation behind one place and up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) conversation: Uuid,
    pub(super) after: i64,
    pub(super) up_to: i64,
}

/// A message's conversation, place, text and time.
pub(super) type TextRow = (Uuid, i64, Option<String>, DateTime<Utc>);

/// The messages of these parts, those of each in the order of their places.
pub(super) fn texts(connection: &mut PgConnection, spans: &[Span]) -> Result<Vec<TextRow>, DbError> {
    if spans.is_empty() {
        return Ok(Vec::new());
    }
    let texts = Texts {
        ids: &spans.iter().map(|span| span.conversation).collect::<Vec<_>>(),
        after: &spans.iter().map(|span| span.after).collect::<Vec<_>>(),
        up_to: &spans.iter().map(|span| span.up_to).collect::<Vec<_>>(),
    };
    Ok(texts.load(connection)?)
}

/// A block's conversation and number, and the times and texts of its messages.
pub(super) type BlockRow = (Uuid, i64, Vec<DateTime<Utc>>, String);

/// The blocks of these conversations and numbers.
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

/// A message that a member may see: conversation, place, and whether the member may have deleted it.
pub(super) type Doubt = (Uuid, i64, bool);

/// Those of these messages that have a text and were not deleted by the member, in the same order.
pub(super) fn present(
    connection: &mut PgConnection,
    member: UserId,
    messages: &[Doubt],
) -> Result<Vec<(Message, MessageContent)>, DbError> {
    let present = Present {
        member: &member.as_uuid(),
        ids: &messages.iter().map(|message| message.0).collect::<Vec<_>>(),
        seqs: &messages.iter().map(|message| message.1).collect::<Vec<_>>(),
        doubtful: &messages.iter().map(|message| message.2).collect::<Vec<_>>(),
    };
    let rows: Vec<(Uuid, i64, Uuid, String, DateTime<Utc>)> = present.load(connection)?;
    let messages = rows.into_iter().map(|(conversation, seq, sender, content, created_at)| {
        let id = MessageId { conversation: ConversationId::from_uuid(conversation), seq: Seq::new(seq) };
        let (sender_id, content) = (UserId::from_uuid(sender), MessageContent::from_stored(content));
        (Message { id, sender_id, content: None, created_at }, content)
    });
    Ok(messages.collect())
}
