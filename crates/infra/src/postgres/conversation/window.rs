//! Conversation windows: a conversation with a slice of its history, several members' requests in one statement.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::{ConversationWindow, WindowAnchor, WindowRequest};
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, Seq};
use uuid::Uuid;

use super::view::{NOT_DELETED, Viewpoint, remark};
use crate::db::{DbError, statement};
use crate::postgres::stored;

/// A member's request for a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct WindowQuery {
    pub(super) member: UserId,
    pub(super) conversation: ConversationId,
    pub(super) request: WindowRequest,
}

statement! {
    // One row per request, with its messages as one array per column: one row per message would repeat the conversation.
    // An erased peer is no longer a member. `OFFSET 0` keeps the planner from reading a whole table to join a few of its
    // rows.
    Windows<'a> {
        conversations: &'a [Uuid],
        members: &'a [Uuid],
        before: &'a [Option<i64>],
        after: &'a [Option<i64>],
        most: &'a [i64],
    } -> (
        (BigInt, SqlUuid, Text, Text, Text),
        (Bool, BigInt, BigInt, BigInt),
        (
            Nullable<Array<BigInt>>,
            Nullable<Array<Bool>>,
            Nullable<Array<Nullable<Text>>>,
            Nullable<Array<Timestamptz>>,
        ),
    );
    "SELECT r.n, m.peer_id, u.state, u.name, m.remark, c.friends, m.read_seq,
            coalesce((SELECT p.read_seq FROM conversation_members p
                       WHERE p.conversation_id = m.conversation_id AND p.user_id = m.peer_id), 0),
            c.last_seq, page.seqs, page.owns, page.contents, page.times
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [members: Array<SqlUuid>] ", "
            [before: Array<Nullable<BigInt>>] ", " [after: Array<Nullable<BigInt>>] ", " [most: Array<BigInt>] ")
            WITH ORDINALITY AS r (conversation_id, user_id, before, after, most, n)
      CROSS JOIN LATERAL (
            SELECT m.* FROM conversation_members m
             WHERE m.conversation_id = r.conversation_id AND m.user_id = r.user_id OFFSET 0) m
      CROSS JOIN LATERAL (SELECT c.* FROM conversations c WHERE c.id = r.conversation_id OFFSET 0) c
      CROSS JOIN LATERAL (SELECT u.* FROM users u WHERE u.id = m.peer_id OFFSET 0) u
      CROSS JOIN LATERAL (
            SELECT array_agg(w.seq) AS seqs, array_agg(w.own) AS owns, array_agg(w.content) AS contents,
                   array_agg(w.created_at) AS times
              FROM (
                  (SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
                     FROM messages x
                    WHERE r.after IS NULL
                      AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND x.seq < r.before
                      AND (x.seq > m.deleted_seq OR " {NOT_DELETED} " AND d.seq < r.before))
                    ORDER BY x.seq DESC
                    LIMIT r.most)
                  UNION ALL
                  (SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
                     FROM messages x
                    WHERE r.after IS NOT NULL
                      AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND x.seq > r.after
                      AND (x.seq > m.deleted_seq OR " {NOT_DELETED} " AND d.seq > r.after))
                    ORDER BY x.seq
                    LIMIT r.most)) w) page"
}

type Whom = (i64, Uuid, String, String, String);
type Standing = (bool, i64, i64, i64);
type Columns = (Option<Vec<i64>>, Option<Vec<bool>>, Option<Vec<Option<String>>>, Option<Vec<DateTime<Utc>>>);

/// The messages, oldest first, and whether more follow: the statement fetches one more than the limit.
fn messages(viewpoint: Viewpoint, columns: Columns, request: WindowRequest) -> (Vec<Message>, bool) {
    let (seqs, owns, contents, times) = columns;
    let all = seqs.into_iter().flatten().zip(owns.into_iter().flatten());
    let all = all.zip(contents.into_iter().flatten().zip(times.into_iter().flatten()));
    let mut messages: Vec<Message> =
        all.map(|((seq, own), (content, at))| viewpoint.message(seq, own, content, at)).collect();
    let limit = usize::try_from(request.limit.get()).unwrap_or(usize::MAX);
    let has_more = messages.len() > limit;
    messages.truncate(limit);
    if !matches!(request.anchor, WindowAnchor::After(_)) {
        messages.reverse();
    }
    (messages, has_more)
}

fn window(query: WindowQuery, row: (Whom, Standing, Columns)) -> Result<ConversationWindow, DbError> {
    let WindowQuery { member, conversation: id, request } = query;
    let ((_, peer, state, name, remarked), (is_friend, read_seq, peer_read_seq, last_seq), columns) = row;
    let friend_id = UserId::from_uuid(peer);
    let viewpoint = Viewpoint { conversation: id, member, peer: friend_id };
    let (messages, has_more) = messages(viewpoint, columns, request);
    Ok(ConversationWindow {
        id,
        friend_id,
        friend_name: stored::display(friend_id, &state, &name)?,
        remark: remark(friend_id, &remarked)?,
        is_friend,
        read_seq: Seq::new(read_seq),
        peer_read_seq: is_friend.then_some(Seq::new(peer_read_seq)),
        last_seq: Seq::new(last_seq),
        has_more,
        messages,
    })
}

/// The response to one [`WindowQuery`]; `None` if the conversation does not exist for that member.
pub(super) type WindowResult = Result<Option<ConversationWindow>, PortError>;

/// Responds to each query, in the same order. An invalid row fails its own request only.
pub(super) fn windows(
    connection: &mut PgConnection,
    queries: &[WindowQuery],
) -> Result<Vec<WindowResult>, DbError> {
    let all = || queries.iter();
    let (before, after): (Vec<_>, Vec<_>) = all()
        .map(|query| match query.request.anchor {
            WindowAnchor::Newest => (Some(i64::MAX), None),
            WindowAnchor::Before(seq) => (Some(seq.get()), None),
            WindowAnchor::After(seq) => (None, Some(seq.get())),
        })
        .unzip();
    let rows: Vec<(Whom, Standing, Columns)> = Windows {
        conversations: &all().map(|query| query.conversation.as_uuid()).collect::<Vec<_>>(),
        members: &all().map(|query| query.member.as_uuid()).collect::<Vec<_>>(),
        before: &before,
        after: &after,
        most: &all().map(|query| query.request.limit.get() + 1).collect::<Vec<_>>(),
    }
    .load(connection)?;
    let mut answers: Vec<WindowResult> = all().map(|_| Ok(None)).collect();
    for row in rows {
        // WITH ORDINALITY counts from 1.
        let place = usize::try_from(row.0.0 - 1).unwrap_or(usize::MAX);
        if let (Some(query), Some(answer)) = (queries.get(place), answers.get_mut(place)) {
            *answer = window(*query, row).map(Some).map_err(PortError::internal);
        }
    }
    Ok(answers)
}
