//! The statements of conversation windows: a plain one, and one for pages among deleted messages.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::{WindowAnchor, WindowRequest};
use domain::id::{ConversationId, UserId};
use domain::message::Message;
use uuid::Uuid;

use super::gaps::{GAPS_AFTER, GAPS_BEFORE};
use super::view::{PEER_READ_SEQ, PeerColumns, SenderColumns, Viewpoint};
use crate::db::{DbError, statement};

/// A member's request for a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct WindowQuery {
    pub(super) member: UserId,
    pub(super) conversation: ConversationId,
    pub(super) request: WindowRequest,
}

/// The member, the conversation and the peer of a request. `OFFSET 0` keeps the planner from
/// reading a whole table to join a few of its rows.
const HEADS: &str = "
     CROSS JOIN LATERAL (
           SELECT m.* FROM conversation_members m
            WHERE m.conversation_id = r.conversation_id AND m.user_id = r.user_id OFFSET 0) m
     CROSS JOIN LATERAL (SELECT c.* FROM conversations c WHERE c.id = r.conversation_id OFFSET 0) c
     CROSS JOIN LATERAL (SELECT u.* FROM users u WHERE u.id = m.peer_id OFFSET 0) u
     CROSS JOIN LATERAL (SELECT me.share_read FROM users me WHERE me.id = r.user_id OFFSET 0) me
     CROSS JOIN LATERAL (
           SELECT array_agg(w.seq) AS seqs, array_agg(w.key) AS keys, array_agg(w.content) AS contents, array_agg(w.created_at) AS times
             FROM ";

/// SQL expression: who sent message `x`, and its idempotency key, in one value, because each column of a page costs as much as a
/// message: `NULL` if the peer sent it, else the key, which is never empty, or the empty string if member `m` gave none.
const SENT_KEY: &str = "CASE WHEN x.sender_id = m.user_id THEN coalesce(x.client_message_id, '') END";

statement! {
    // One row per request, with its messages as one array per column: one row per message would repeat the conversation.
    // The page ignores deletions, which nearly no page has.
    Windows<'a> {
        conversations: &'a [Uuid],
        members: &'a [Uuid],
        before: &'a [Option<i64>],
        after: &'a [Option<i64>],
        most: &'a [i64],
    } -> (
        BigInt,
        (SqlUuid, Text, Text, Text),
        (Bool, BigInt, Nullable<BigInt>, BigInt, BigInt),
        (
            Nullable<Array<BigInt>>,
            Nullable<Array<Nullable<Text>>>,
            Nullable<Array<Nullable<Text>>>,
            Nullable<Array<Timestamptz>>,
        ),
    );
    "SELECT r.n, m.peer_id, u.state, u.name, m.remark, c.friends, m.read_seq, CASE WHEN c.friends THEN " {PEER_READ_SEQ} " END,
            c.last_seq, m.deleted_seq, page.seqs, page.keys, page.contents, page.times
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [members: Array<SqlUuid>] ", "
            [before: Array<Nullable<BigInt>>] ", " [after: Array<Nullable<BigInt>>] ", " [most: Array<BigInt>] ")
            WITH ORDINALITY AS r (conversation_id, user_id, before, after, most, n) "
    {HEADS}
    "             ((SELECT x.seq, " {SENT_KEY} " AS key, x.content, x.created_at
                     FROM messages x
                    WHERE r.after IS NULL
                      AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND x.seq < r.before
                    ORDER BY x.seq DESC
                    LIMIT r.most)
                  UNION ALL
                  (SELECT x.seq, " {SENT_KEY} " AS key, x.content, x.created_at
                     FROM messages x
                    WHERE r.after IS NOT NULL
                      AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND x.seq > r.after
                    ORDER BY x.seq
                    LIMIT r.most)) w) page"
}

statement! {
    // As `Windows`, for pages among deleted messages. One of the two branches is executed.
    WindowsAmongDeletions<'a> {
        conversations: &'a [Uuid],
        members: &'a [Uuid],
        before: &'a [Option<i64>],
        after: &'a [Option<i64>],
        most: &'a [i64],
    } -> (
        BigInt,
        (SqlUuid, Text, Text, Text),
        (Bool, BigInt, Nullable<BigInt>, BigInt, BigInt),
        (
            Nullable<Array<BigInt>>,
            Nullable<Array<Nullable<Text>>>,
            Nullable<Array<Nullable<Text>>>,
            Nullable<Array<Timestamptz>>,
        ),
    );
    "SELECT r.n, m.peer_id, u.state, u.name, m.remark, c.friends, m.read_seq, CASE WHEN c.friends THEN " {PEER_READ_SEQ} " END,
            c.last_seq, m.deleted_seq, page.seqs, page.keys, page.contents, page.times
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [members: Array<SqlUuid>] ", "
            [before: Array<Nullable<BigInt>>] ", " [after: Array<Nullable<BigInt>>] ", " [most: Array<BigInt>] ")
            WITH ORDINALITY AS r (conversation_id, user_id, before, after, most, n) "
    {HEADS}
    "             ((SELECT x.seq, " {SENT_KEY} " AS key, x.content, x.created_at
                     FROM (" {GAPS_BEFORE} ") gap CROSS JOIN LATERAL (
                          SELECT x.* FROM messages x
                           WHERE x.conversation_id = m.conversation_id AND x.seq > gap.after AND x.seq < gap.before
                          OFFSET 0) x
                    WHERE r.after IS NULL
                    ORDER BY x.seq DESC)
                  UNION ALL
                  (SELECT x.seq, " {SENT_KEY} " AS key, x.content, x.created_at
                     FROM (" {GAPS_AFTER} ") gap CROSS JOIN LATERAL (
                          SELECT x.* FROM messages x
                           WHERE x.conversation_id = m.conversation_id AND x.seq > gap.after AND x.seq < gap.before
                          OFFSET 0) x
                    WHERE r.after IS NOT NULL
                    ORDER BY x.seq)) w) page"
}

#[derive(Queryable)]
pub(super) struct WindowRow {
    /// The number of the request in its batch.
    pub(super) number: i64,
    pub(super) peer: PeerColumns,
    pub(super) state: StateColumns,
    pub(super) messages: MessageColumns,
}

#[derive(Queryable)]
pub(super) struct StateColumns {
    pub(super) is_friend: bool,
    pub(super) read_seq: i64,
    pub(super) peer_read_seq: Option<i64>,
    pub(super) last_seq: i64,
    /// The newest message that the member deleted.
    deleted_seq: i64,
}

/// The messages, one array per column; all `NULL` if there is none.
#[derive(Queryable)]
pub(super) struct MessageColumns {
    seqs: Option<Vec<i64>>,
    /// Each a [`SENT_KEY`].
    keys: Option<Vec<Option<String>>>,
    contents: Option<Vec<Option<String>>>,
    times: Option<Vec<DateTime<Utc>>>,
}

impl MessageColumns {
    pub(super) fn into_messages(self, viewpoint: Viewpoint) -> Result<Vec<Message>, DbError> {
        let (seqs, keys) = (self.seqs.unwrap_or_default(), self.keys.unwrap_or_default());
        let (contents, times) = (self.contents.unwrap_or_default(), self.times.unwrap_or_default());
        if [keys.len(), contents.len(), times.len()] != [seqs.len(); 3] {
            return Err(DbError::Impossible("messages: the columns of a window differ in length"));
        }
        let senders = keys
            .into_iter()
            .map(|key| SenderColumns { own: key.is_some(), key: key.filter(|key| !key.is_empty()) });
        let rows = seqs.into_iter().zip(senders).zip(contents.into_iter().zip(times));
        Ok(rows.map(|((seq, sender), (content, at))| viewpoint.message(seq, sender, content, at)).collect())
    }
}

impl WindowRow {
    /// Whether the page may contain messages that the member deleted.
    pub(super) fn is_among_deletions(&self) -> bool {
        let deleted_seq = self.state.deleted_seq;
        deleted_seq > 0 && self.messages.seqs.iter().flatten().any(|seq| *seq <= deleted_seq)
    }
}

/// The queries as the arrays of a statement.
struct Parameters {
    conversations: Vec<Uuid>,
    members: Vec<Uuid>,
    before: Vec<Option<i64>>,
    after: Vec<Option<i64>>,
    most: Vec<i64>,
}

impl Parameters {
    fn of(queries: &[WindowQuery]) -> Self {
        let all = || queries.iter();
        let (before, after) = all()
            .map(|query| match query.request.anchor {
                WindowAnchor::Newest => (Some(i64::MAX), None),
                WindowAnchor::Before(seq) => (Some(seq.get()), None),
                WindowAnchor::After(seq) => (None, Some(seq.get())),
            })
            .unzip();
        Self {
            conversations: all().map(|query| query.conversation.as_uuid()).collect(),
            members: all().map(|query| query.member.as_uuid()).collect(),
            before,
            after,
            most: all().map(|query| query.request.limit.get() + 1).collect(),
        }
    }
}

/// The rows of the queries, in any order. Deleted messages are among the messages.
pub(super) fn pages(
    connection: &mut PgConnection,
    queries: &[WindowQuery],
) -> Result<Vec<WindowRow>, DbError> {
    let Parameters { conversations, members, before, after, most } = &Parameters::of(queries);
    Ok(Windows { conversations, members, before, after, most }.load(connection)?)
}

/// As [`pages`], without deleted messages.
pub(super) fn pages_among_deletions(
    connection: &mut PgConnection,
    queries: &[WindowQuery],
) -> Result<Vec<WindowRow>, DbError> {
    let Parameters { conversations, members, before, after, most } = &Parameters::of(queries);
    Ok(WindowsAmongDeletions { conversations, members, before, after, most }.load(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_differ_in_length_are_an_error() {
        let id = Uuid::from_u128(1);
        let (conversation, member) = (ConversationId::from_uuid(id), UserId::from_uuid(id));
        let viewpoint = Viewpoint { conversation, member, peer: member };
        let messages = |[seqs, keys, contents, times]: [usize; 4]| {
            let columns = MessageColumns {
                seqs: Some(vec![1; seqs]),
                keys: Some(vec![None; keys]),
                contents: Some(vec![None; contents]),
                times: (times > 0).then(|| vec![DateTime::UNIX_EPOCH; times]),
            };
            columns.into_messages(viewpoint)
        };
        assert_eq!(messages([0; 4]).unwrap().len(), 0);
        assert_eq!(messages([2; 4]).unwrap().len(), 2);
        for lengths in [[1, 2, 2, 2], [2, 1, 2, 2], [2, 2, 1, 2], [2, 2, 2, 0]] {
            let refused = messages(lengths);
            assert!(matches!(refused, Err(DbError::Impossible(_))), "{refused:?}");
        }
    }
}
