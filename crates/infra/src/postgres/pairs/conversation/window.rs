//! Conversation windows: a conversation with a slice of its history, several members' requests in one statement.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::answer_size::fitting;
use domain::conversation::{ConversationWindow, WindowAnchor, WindowRequest};
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, Seq};
use domain::number::saturating;
use uuid::Uuid;

use super::gaps::{GAPS_AFTER, GAPS_BEFORE};
use super::view::{PeerColumns, Viewpoint, batch_entry};
use crate::db::{DbError, statement};

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
    // rows. Exactly one branch of the page is executed: a member without deletions in its direction pays for none.
    Windows<'a> {
        conversations: &'a [Uuid],
        members: &'a [Uuid],
        before: &'a [Option<i64>],
        after: &'a [Option<i64>],
        most: &'a [i64],
    } -> (
        BigInt,
        (SqlUuid, Text, Text, Text),
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
                    WHERE r.after IS NULL AND m.deleted_seq <= m.cleared_seq
                      AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND x.seq < r.before
                    ORDER BY x.seq DESC
                    LIMIT r.most)
                  UNION ALL
                  (SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
                     FROM messages x
                    WHERE r.after IS NOT NULL AND m.deleted_seq <= greatest(m.cleared_seq, r.after)
                      AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND x.seq > r.after
                    ORDER BY x.seq
                    LIMIT r.most)
                  UNION ALL
                  (SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
                     FROM (" {GAPS_BEFORE} ") gap CROSS JOIN LATERAL (
                          SELECT x.* FROM messages x
                           WHERE x.conversation_id = m.conversation_id AND x.seq > gap.after AND x.seq < gap.before
                          OFFSET 0) x
                    WHERE r.after IS NULL AND m.deleted_seq > m.cleared_seq
                    ORDER BY x.seq DESC)
                  UNION ALL
                  (SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
                     FROM (" {GAPS_AFTER} ") gap CROSS JOIN LATERAL (
                          SELECT x.* FROM messages x
                           WHERE x.conversation_id = m.conversation_id AND x.seq > gap.after AND x.seq < gap.before
                          OFFSET 0) x
                    WHERE r.after IS NOT NULL AND m.deleted_seq > greatest(m.cleared_seq, r.after)
                    ORDER BY x.seq)) w) page"
}

#[derive(Queryable)]
struct WindowRow {
    /// The number of the request in its batch.
    number: i64,
    peer: PeerColumns,
    state: StateColumns,
    messages: MessageColumns,
}

#[derive(Queryable)]
struct StateColumns {
    is_friend: bool,
    read_seq: i64,
    peer_read_seq: i64,
    last_seq: i64,
}

/// The messages, one array per column; all `NULL` if there is none.
#[derive(Queryable)]
struct MessageColumns {
    seqs: Option<Vec<i64>>,
    owns: Option<Vec<bool>>,
    contents: Option<Vec<Option<String>>>,
    times: Option<Vec<DateTime<Utc>>>,
}

impl MessageColumns {
    fn into_messages(self, viewpoint: Viewpoint) -> Result<Vec<Message>, DbError> {
        let (seqs, owns) = (self.seqs.unwrap_or_default(), self.owns.unwrap_or_default());
        let (contents, times) = (self.contents.unwrap_or_default(), self.times.unwrap_or_default());
        if [owns.len(), contents.len(), times.len()] != [seqs.len(); 3] {
            return Err(DbError::Impossible("messages: the columns of a window differ in length"));
        }
        let rows = seqs.into_iter().zip(owns).zip(contents.into_iter().zip(times));
        Ok(rows.map(|((seq, own), (content, at))| viewpoint.message(seq, own, content, at)).collect())
    }
}

/// Restores the order, oldest first, and finds out whether more follow: the statement fetches one more than the limit. A window that
/// would become too large for an answer ends earlier, at its far end.
fn trim(mut messages: Vec<Message>, request: WindowRequest) -> (Vec<Message>, bool) {
    let limit: usize = saturating(request.limit.get());
    let kept = fitting(messages.iter().take(limit));
    let has_more = messages.len() > kept;
    messages.truncate(kept);
    if !matches!(request.anchor, WindowAnchor::After(_)) {
        messages.reverse();
    }
    (messages, has_more)
}

fn window(query: WindowQuery, row: WindowRow) -> Result<ConversationWindow, DbError> {
    let WindowQuery { member, conversation: id, request } = query;
    let WindowRow { peer, state, messages, .. } = row;
    let viewpoint = Viewpoint { conversation: id, member, peer: peer.id() };
    let (messages, has_more) = trim(messages.into_messages(viewpoint)?, request);
    Ok(ConversationWindow {
        id,
        friend_id: peer.id(),
        friend_name: peer.display_name()?,
        remark: peer.remark()?,
        is_friend: state.is_friend,
        read_seq: Seq::new(state.read_seq),
        peer_read_seq: state.is_friend.then_some(Seq::new(state.peer_read_seq)),
        last_seq: Seq::new(state.last_seq),
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
    let rows: Vec<WindowRow> = Windows {
        conversations: &all().map(|query| query.conversation.as_uuid()).collect::<Vec<_>>(),
        members: &all().map(|query| query.member.as_uuid()).collect::<Vec<_>>(),
        before: &before,
        after: &after,
        most: &all().map(|query| query.request.limit.get() + 1).collect::<Vec<_>>(),
    }
    .load(connection)?;
    let mut responses: Vec<(WindowQuery, WindowResult)> = all().map(|query| (*query, Ok(None))).collect();
    for row in rows {
        let (query, response) = batch_entry(&mut responses, row.number)?;
        *response = window(*query, row).map(Some).map_err(PortError::internal);
    }
    Ok(responses.into_iter().map(|(_, response)| response).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_differ_in_length_are_an_error() {
        let id = Uuid::from_u128(1);
        let (conversation, member) = (ConversationId::from_uuid(id), UserId::from_uuid(id));
        let viewpoint = Viewpoint { conversation, member, peer: member };
        let messages = |seqs: usize, owns: usize, contents: usize, times: usize| {
            let columns = MessageColumns {
                seqs: Some(vec![1; seqs]),
                owns: Some(vec![true; owns]),
                contents: Some(vec![None; contents]),
                times: (times > 0).then(|| vec![DateTime::UNIX_EPOCH; times]),
            };
            columns.into_messages(viewpoint)
        };
        assert_eq!(messages(0, 0, 0, 0).unwrap().len(), 0);
        assert_eq!(messages(2, 2, 2, 2).unwrap().len(), 2);
        for (seqs, owns, contents, times) in [(1, 2, 2, 2), (2, 1, 2, 2), (2, 2, 1, 2), (2, 2, 2, 0)] {
            let refused = messages(seqs, owns, contents, times);
            assert!(matches!(refused, Err(DbError::Impossible(_))), "{refused:?}");
        }
    }
}
