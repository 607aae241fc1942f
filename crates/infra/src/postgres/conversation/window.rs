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

const HEAD: &str = "
    SELECT m.peer_id, u.state, u.name, f.remark, c.friends, m.read_seq, p.read_seq, c.last_seq,
           w.seq, w.sender_id, w.content, w.created_at
      FROM conversation_members m
      JOIN conversations c ON c.id = m.conversation_id
      JOIN users u ON u.id = m.peer_id
      JOIN conversation_members p ON p.conversation_id = m.conversation_id AND p.user_id = m.peer_id
      LEFT JOIN friendships f ON f.owner_id = m.user_id AND f.friend_id = m.peer_id
      LEFT JOIN LATERAL (
          SELECT x.seq, x.sender_id, x.content, x.created_at
            FROM messages x
           WHERE x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq
             AND NOT EXISTS (SELECT FROM message_deletions d
                              WHERE d.conversation_id = x.conversation_id AND d.user_id = m.user_id AND d.seq = x.seq)
             AND x.seq ";

type Head = (SqlUuid, Text, Text, Nullable<Text>, Bool, BigInt, BigInt, BigInt);
type Body = (Nullable<BigInt>, Nullable<SqlUuid>, Nullable<Text>, Nullable<Timestamptz>);

statement! {
    Backward<'a> { before: i64, limit: i64, conversation: Uuid, member: &'a Uuid } -> (Head, Body);
    {HEAD} "< " [before: BigInt] " ORDER BY x.seq DESC LIMIT " [limit: BigInt] ") w ON true
      WHERE m.conversation_id = " [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid] "
      ORDER BY w.seq DESC"
}

statement! {
    Forward<'a> { after: i64, limit: i64, conversation: Uuid, member: &'a Uuid } -> (Head, Body);
    {HEAD} "> " [after: BigInt] " ORDER BY x.seq LIMIT " [limit: BigInt] ") w ON true
      WHERE m.conversation_id = " [conversation: SqlUuid] " AND m.user_id = " [member: SqlUuid] "
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
