//! A part of a conversation's history, with the conversation itself, in one round trip.

use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::{ConversationWindow, WindowAnchor, WindowRequest};
use domain::id::{ConversationId, UserId};
use domain::message::{Message, Seq};
use uuid::Uuid;

use super::list::{MaybeMessage, message, remark};
use crate::db::{DbError, statement};
use crate::postgres::stored;

/// Keeps what the member `m` has not deleted of the messages `x`. It ends within the inner query, so that a bound on
/// `d.seq` can follow, and wants a `)`.
///
/// `NOT IN`, because PostgreSQL keeps its rows in a hash. `NOT EXISTS` becomes a join, and the planner, which knows only
/// how much is deleted on average, compares each message with each deletion: 10,000 of them took four seconds.
pub(super) const NOT_DELETED: &str = "x.seq NOT IN (
    SELECT d.seq FROM message_deletions d WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id";

/// The conversation is read first and by keys alone. As joins, the remark and the peer's position would tempt the planner
/// to read all friends of the one and all conversations of the other.
const HEAD: &str = "
    WITH head AS MATERIALIZED (
        SELECT m.conversation_id, m.user_id, m.peer_id, m.cleared_seq, m.read_seq,
               u.state, u.name, c.friends, c.last_seq,
               (SELECT f.remark FROM friendships f WHERE f.owner_id = m.user_id AND f.friend_id = m.peer_id) AS remark,
               (SELECT p.read_seq FROM conversation_members p
                 WHERE p.conversation_id = m.conversation_id AND p.user_id = m.peer_id) AS peer_read_seq
          FROM conversation_members m
          JOIN conversations c ON c.id = m.conversation_id
          JOIN users u ON u.id = m.peer_id
         WHERE m.conversation_id = ";
const BODY: &str = ")
    SELECT m.peer_id, m.state, m.name, m.remark, m.friends, m.read_seq, m.peer_read_seq, m.last_seq,
           w.seq, w.sender_id, w.content, w.created_at
      FROM head m
      LEFT JOIN LATERAL (
          SELECT x.seq, x.sender_id, x.content, x.created_at
            FROM messages x
           WHERE x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND ";

type Head = (SqlUuid, Text, Text, Nullable<Text>, Bool, BigInt, BigInt, BigInt);
type Body = (Nullable<BigInt>, Nullable<SqlUuid>, Nullable<Text>, Nullable<Timestamptz>);

statement! {
    Backward<'a> { before: i64, limit: i64, conversation: Uuid, member: &'a Uuid } -> (Head, Body);
    {HEAD} [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid] {BODY}
    "x.seq < " [before: BigInt] " AND " {NOT_DELETED} " AND d.seq < " [before: BigInt] ")
           ORDER BY x.seq DESC LIMIT " [limit: BigInt] ") w ON true
      ORDER BY w.seq DESC"
}

statement! {
    Forward<'a> { after: i64, limit: i64, conversation: Uuid, member: &'a Uuid } -> (Head, Body);
    {HEAD} [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid] {BODY}
    "x.seq > " [after: BigInt] " AND " {NOT_DELETED} " AND d.seq > " [after: BigInt] ")
           ORDER BY x.seq LIMIT " [limit: BigInt] ") w ON true
      ORDER BY w.seq"
}

type HeadRow = (Uuid, String, String, Option<String>, bool, i64, i64, i64);
type Row = (HeadRow, MaybeMessage);

/// Cuts off the row that was read only to see whether more follow, and puts the oldest first.
fn arrange(mut messages: Vec<Message>, request: WindowRequest) -> (Vec<Message>, bool) {
    let limit = usize::try_from(request.limit.get()).unwrap_or(usize::MAX);
    let has_more = messages.len() > limit;
    messages.truncate(limit);
    if !matches!(request.anchor, WindowAnchor::After(_)) {
        messages.reverse();
    }
    (messages, has_more)
}

pub(super) fn window(
    connection: &mut PgConnection,
    member: UserId,
    id: ConversationId,
    request: WindowRequest,
) -> Result<Option<ConversationWindow>, DbError> {
    let (conversation, member) = (id.as_uuid(), &member.as_uuid());
    let limit = request.limit.get() + 1;
    let backward = |before| Backward { before, limit, conversation, member };
    let rows: Vec<Row> = match request.anchor {
        WindowAnchor::Newest => backward(i64::MAX).load(connection)?,
        WindowAnchor::Before(seq) => backward(seq.get()).load(connection)?,
        WindowAnchor::After(seq) => {
            Forward { after: seq.get(), limit, conversation, member }.load(connection)?
        }
    };
    let (heads, bodies): (Vec<HeadRow>, Vec<MaybeMessage>) = rows.into_iter().unzip();
    let Some(head) = heads.into_iter().next() else { return Ok(None) };
    let (peer, state, name, remarked, is_friend, read_seq, peer_read_seq, last_seq) = head;
    let friend_id = UserId::from_uuid(peer);
    let messages = bodies.into_iter().filter_map(|row| message(id, row)).collect();
    let (messages, has_more) = arrange(messages, request);
    Ok(Some(ConversationWindow {
        id,
        friend_id,
        friend_name: stored::display(friend_id, &state, &name)?,
        remark: remark(friend_id, remarked)?,
        is_friend,
        read_seq: Seq::new(read_seq),
        peer_read_seq: is_friend.then_some(Seq::new(peer_read_seq)),
        last_seq: Seq::new(last_seq),
        has_more,
        messages,
    }))
}
