//! Where a member's messages are searched: the blocks that may have the term, and what is not in blocks.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{ConversationId, UserId};
use domain::search::SearchRequest;
use uuid::Uuid;

use super::block::BLOCK;
use super::read::Span;
use crate::db::{DbError, statement};

statement! {
    // The texts are compared where they lie; only numbers and times come back. `OFFSET 0` keeps the planner from reading
    // other people's blocks to join a few of them.
    Sources<'a> {
        member: &'a Uuid,
        conversation: Option<Uuid>,
        term: &'a str,
        until: Option<DateTime<Utc>>,
        block: i64,
    } -> (
        SqlUuid,
        (BigInt, BigInt, BigInt, Nullable<Timestamptz>),
        Nullable<Array<BigInt>>,
        Nullable<Array<Timestamptz>>,
    );
    "SELECT r.conversation_id, r.cleared_seq, r.indexed_seq, r.last_seq, r.last_at, b.blocks, b.newest
       FROM (SELECT m.conversation_id, m.cleared_seq, c.last_seq, c.last_at, coalesce(p.indexed_seq, 0) AS indexed_seq
               FROM conversation_members m
              CROSS JOIN LATERAL (
                    SELECT c.last_seq, c.last_at FROM conversations c WHERE c.id = m.conversation_id OFFSET 0) c
               LEFT JOIN LATERAL (
                    SELECT p.indexed_seq FROM search_progress p
                     WHERE p.conversation_id = m.conversation_id OFFSET 0) p ON true
              WHERE m.user_id = " [member: SqlUuid] "
                AND (" [conversation: Nullable<SqlUuid>] " IS NULL
                     OR m.conversation_id = " [conversation: Nullable<SqlUuid>] ")
             OFFSET 0) r
      CROSS JOIN LATERAL (
            SELECT array_agg(b.block) AS blocks, array_agg(b.times[cardinality(b.times)]) AS newest
              FROM search_blocks b
             WHERE b.conversation_id = r.conversation_id AND b.block >= r.cleared_seq / " [block: BigInt] "
               AND (" [until: Nullable<Timestamptz>] " IS NULL OR b.times[1] <= " [until: Nullable<Timestamptz>] ")
               AND strpos(b.folded, " [term: Text] ") > 0
            OFFSET 0) b"
}

/// A part of a conversation that may have the term.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// A block that has it.
    Block(i64),
    /// Messages that are in no block yet.
    Tail(Span),
}

/// A conversation of the member's.
pub(super) struct Source {
    pub(super) conversation: Uuid,
    /// Its parts, each with the time of its newest message or a later one.
    pub(super) parts: Vec<(DateTime<Utc>, Part)>,
}

type Standing = (i64, i64, i64, Option<DateTime<Utc>>);
type Row = (Uuid, Standing, Option<Vec<i64>>, Option<Vec<DateTime<Utc>>>);

fn source(row: Row) -> Source {
    let (conversation, (floor, indexed, last, last_at), blocks, newest) = row;
    let blocks = blocks.into_iter().flatten().zip(newest.into_iter().flatten());
    let mut parts: Vec<(DateTime<Utc>, Part)> =
        blocks.map(|(block, newest)| (newest, Part::Block(block))).collect();
    let after = indexed.max(floor);
    if let Some(last_at) = last_at.filter(|_| last > after) {
        parts.push((last_at, Part::Tail(Span { conversation, after, up_to: last })));
    }
    Source { conversation, parts }
}

/// The member's conversations, or the one that is named, with what is to be read of them.
pub(super) fn sources(
    connection: &mut PgConnection,
    member: UserId,
    request: &SearchRequest,
    spelled: &str,
) -> Result<Vec<Source>, DbError> {
    let rows: Vec<Row> = Sources {
        member: &member.as_uuid(),
        conversation: request.conversation.map(ConversationId::as_uuid),
        term: spelled,
        until: request.page.after.map(|cursor| cursor.created_at),
        block: BLOCK,
    }
    .load(connection)?;
    Ok(rows.into_iter().map(source).collect())
}
