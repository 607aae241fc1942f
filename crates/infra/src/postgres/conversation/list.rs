//! Conversation lists: keyset pagination, several members' requests in one statement.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::{
    ConversationCursor, ConversationPage, ConversationPageRequest, ConversationSummary,
};
use domain::error::PortError;
use domain::id::{ConversationId, UserId};
use domain::message::Seq;
use domain::page::Page;
use uuid::Uuid;

use super::read::UNREAD;
use super::view::{NOT_DELETED, Viewpoint, remark};
use crate::db::{DbError, statement};
use crate::postgres::stored;

/// A member's request for a page of the list.
#[derive(Debug, Clone)]
pub(super) struct ListQuery {
    pub(super) member: UserId,
    pub(super) page: ConversationPageRequest,
}

statement! {
    // The page is selected first, from the member's rows and their pairs alone; the rest is fetched for its rows only.
    // The preview is nearly always the conversation's newest message; the history is searched only if the member deleted
    // that one.
    Lists<'a> {
        members: &'a [Uuid],
        first_page: &'a [bool],
        pinned: &'a [bool],
        updated_at: &'a [DateTime<Utc>],
        ids: &'a [Uuid],
        most: &'a [i64],
    } -> (
        BigInt,
        (SqlUuid, SqlUuid, Text, Text, Text),
        (BigInt, BigInt, BigInt, Timestamptz, Bool, Bool),
        (Nullable<BigInt>, Nullable<Bool>, Nullable<Text>, Nullable<Timestamptz>),
    );
    "SELECT r.n, m.conversation_id, m.peer_id, u.state, u.name, m.remark,
            " {UNREAD} ", c.last_seq, m.read_seq, m.updated_at, m.pinned, m.muted,
            newest.seq, newest.own, newest.content, newest.created_at
       FROM unnest(" [members: Array<SqlUuid>] ", " [first_page: Array<Bool>] ", " [pinned: Array<Bool>] ", "
            [updated_at: Array<Timestamptz>] ", " [ids: Array<SqlUuid>] ", " [most: Array<BigInt>] ")
            WITH ORDINALITY AS r (user_id, first_page, pinned, updated_at, id, most, n)
      CROSS JOIN LATERAL (
           SELECT m.conversation_id, m.user_id, m.peer_id, m.read_seq, m.cleared_seq, m.peer_seen, m.deleted_seq,
                  m.remark, m.pinned, m.muted, coalesce(c.last_at, c.befriended_at) AS updated_at,
                  c.user_lo, c.lo_sent, c.hi_sent, c.last_seq, c.recalled_seq
             FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
            WHERE m.user_id = r.user_id
              AND (NOT m.hidden OR c.last_seq > m.cleared_seq)
              AND (r.first_page
                   OR (m.pinned, coalesce(c.last_at, c.befriended_at), m.conversation_id)
                    < (r.pinned, r.updated_at, r.id))
            ORDER BY m.pinned DESC, coalesce(c.last_at, c.befriended_at) DESC, m.conversation_id DESC
            LIMIT r.most) m
      CROSS JOIN LATERAL (SELECT m.user_lo, m.lo_sent, m.hi_sent, m.last_seq, m.recalled_seq) c
       JOIN users u ON u.id = m.peer_id
       LEFT JOIN LATERAL (
           SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
             FROM messages x
            WHERE x.conversation_id = m.conversation_id AND x.seq = c.last_seq
              AND c.last_seq > m.cleared_seq AND c.last_seq > m.deleted_seq
           UNION ALL
           (SELECT x.seq, x.sender_id = m.user_id AS own, x.content, x.created_at
              FROM messages x
             WHERE c.last_seq <= m.deleted_seq
               AND x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND " {NOT_DELETED} ")
             ORDER BY x.seq DESC
             LIMIT 1)) newest ON true"
}

type Whom = (Uuid, Uuid, String, String, String);
type Standing = (i64, i64, i64, DateTime<Utc>, bool, bool);
type MaybeMessage = (Option<i64>, Option<bool>, Option<String>, Option<DateTime<Utc>>);
type Row = (i64, Whom, Standing, MaybeMessage);

fn summary(member: UserId, row: Row) -> Result<ConversationSummary, DbError> {
    let (_, (id, peer, state, name, remarked), standing, newest) = row;
    let (unread_count, last_seq, read_seq, updated_at, pinned, muted) = standing;
    let (id, friend_id) = (ConversationId::from_uuid(id), UserId::from_uuid(peer));
    let viewpoint = Viewpoint { conversation: id, member, peer: friend_id };
    let last_message = match newest {
        (Some(seq), Some(own), content, Some(at)) => Some(viewpoint.message(seq, own, content, at)),
        _ => None,
    };
    Ok(ConversationSummary {
        id,
        friend_id,
        friend_name: stored::display(friend_id, &state, &name)?,
        remark: remark(friend_id, &remarked)?,
        unread_count,
        last_message,
        last_seq: Seq::new(last_seq),
        read_seq: Seq::new(read_seq),
        updated_at,
        pinned,
        muted,
    })
}

const fn key(conversation: &ConversationSummary) -> ConversationCursor {
    let ConversationSummary { pinned, updated_at, id, .. } = *conversation;
    ConversationCursor { pinned, updated_at, id }
}

/// The response to one [`ListQuery`].
pub(super) type ListResult = Result<ConversationPage, PortError>;

fn page(query: &ListQuery, rows: Vec<Row>) -> ListResult {
    let items: Result<Vec<_>, _> = rows.into_iter().map(|row| summary(query.member, row)).collect();
    let mut items = items.map_err(PortError::internal)?;
    // The statement returns the rows of all lists in no guaranteed order.
    items
        .sort_by_key(|conversation| Reverse((conversation.pinned, conversation.updated_at, conversation.id)));
    Ok(Page::from_lookahead(items, query.page.limit.get(), key))
}

/// Responds to each query, in the same order. An invalid row fails its own list only.
pub(super) fn lists(
    connection: &mut PgConnection,
    queries: &[ListQuery],
) -> Result<Vec<ListResult>, DbError> {
    let all = || queries.iter();
    let after = || all().map(|query| query.page.after);
    let rows: Vec<Row> = Lists {
        members: &all().map(|query| query.member.as_uuid()).collect::<Vec<_>>(),
        first_page: &after().map(|after| after.is_none()).collect::<Vec<_>>(),
        pinned: &after().map(|after| after.is_some_and(|after| after.pinned)).collect::<Vec<_>>(),
        updated_at: &after()
            .map(|after| after.map_or(DateTime::UNIX_EPOCH, |after| after.updated_at))
            .collect::<Vec<_>>(),
        ids: &after().map(|after| after.map_or(Uuid::nil(), |after| after.id.as_uuid())).collect::<Vec<_>>(),
        most: &all().map(|query| query.page.limit.get() + 1).collect::<Vec<_>>(),
    }
    .load(connection)?;
    let mut shares: Vec<Vec<Row>> = all().map(|_| Vec::new()).collect();
    for row in rows {
        // WITH ORDINALITY counts from 1.
        if let Some(share) = usize::try_from(row.0 - 1).ok().and_then(|place| shares.get_mut(place)) {
            share.push(row);
        }
    }
    Ok(all().zip(shares).map(|(query, rows)| page(query, rows)).collect())
}
