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
use domain::message::{Message, Seq};
use domain::page::Page;
use uuid::Uuid;

use super::read::UNREAD;
use super::view::{OWN_KEY, PEER_READ_SEQ, PeerColumns, SenderColumns, Viewpoint, batch_entry};
use crate::db::{DbError, statement};

/// A member's request for a page of the list.
#[derive(Debug, Clone)]
pub(super) struct ListQuery {
    pub(super) member: UserId,
    pub(super) page: ConversationPageRequest,
}

statement! {
    // The page is selected first, from the member's rows and their pairs alone; the rest is fetched for its rows only.
    // The preview is nearly always the conversation's newest message. If the member deleted that one, it is in a range that
    // ends there, and the message before the range is the newest visible one.
    Lists<'a> {
        members: &'a [Uuid],
        first_page: &'a [bool],
        pinned: &'a [bool],
        updated_at: &'a [DateTime<Utc>],
        ids: &'a [Uuid],
        most: &'a [i64],
    } -> (
        (BigInt, SqlUuid),
        (SqlUuid, Text, Text, Text),
        (Text, Bool, Bool, Nullable<BigInt>),
        (BigInt, BigInt, BigInt, Timestamptz, Bool, Bool),
        (Nullable<BigInt>, Nullable<Bool>, Nullable<Text>, Nullable<Text>, Nullable<Timestamptz>),
    );
    "SELECT r.n, m.conversation_id, m.peer_id, u.state, u.name, m.remark,
            u.uid, m.friends, m.blocked, CASE WHEN m.friends THEN " {PEER_READ_SEQ} " END,
            " {UNREAD} ", c.last_seq, m.read_seq, m.updated_at, m.pinned, m.muted,
            newest.seq, newest.own, newest.key, newest.content, newest.created_at
       FROM unnest(" [members: Array<SqlUuid>] ", " [first_page: Array<Bool>] ", " [pinned: Array<Bool>] ", "
            [updated_at: Array<Timestamptz>] ", " [ids: Array<SqlUuid>] ", " [most: Array<BigInt>] ")
            WITH ORDINALITY AS r (user_id, first_page, pinned, updated_at, id, most, n)
      CROSS JOIN LATERAL (SELECT me.share_read FROM users me WHERE me.id = r.user_id OFFSET 0) me
      CROSS JOIN LATERAL (
           SELECT m.conversation_id, m.user_id, m.peer_id, m.read_seq, m.cleared_seq, m.peer_seen, m.deleted_seq,
                  m.hidden_unread, m.remark, m.pinned, m.muted, coalesce(c.last_at, c.befriended_at) AS updated_at,
                  c.user_lo, c.lo_sent, c.hi_sent, c.last_seq, c.friends,
                  CASE WHEN m.user_id = c.user_lo THEN c.lo_blocks ELSE c.hi_blocks END AS blocked
             FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
            WHERE m.user_id = r.user_id
              AND (NOT m.hidden OR c.last_seq > m.cleared_seq)
              AND (r.first_page
                   OR (m.pinned, coalesce(c.last_at, c.befriended_at), m.conversation_id)
                    < (r.pinned, r.updated_at, r.id))
            ORDER BY m.pinned DESC, coalesce(c.last_at, c.befriended_at) DESC, m.conversation_id DESC
            LIMIT r.most) m
      CROSS JOIN LATERAL (SELECT m.user_lo, m.lo_sent, m.hi_sent, m.last_seq) c
       JOIN users u ON u.id = m.peer_id
       LEFT JOIN LATERAL (
           SELECT x.seq, x.sender_id = m.user_id AS own, " {OWN_KEY} " AS key, x.content, x.created_at
             FROM messages x
            WHERE x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq
              AND x.seq = CASE WHEN c.last_seq > m.deleted_seq THEN c.last_seq ELSE coalesce((
                    SELECT d.first_seq - 1 FROM message_deletions d
                     WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                       AND d.last_seq = c.last_seq), c.last_seq) END) newest ON true"
}

#[derive(Queryable)]
struct ListRow {
    request: RequestColumns,
    peer: PeerColumns,
    relation: RelationColumns,
    view: ViewColumns,
    preview: PreviewColumns,
}

/// The number of the request in its batch, and the conversation.
#[derive(Queryable)]
struct RequestColumns {
    number: i64,
    conversation: Uuid,
}

/// What lies between the member and the peer.
#[derive(Queryable)]
pub(in crate::postgres) struct RelationColumns {
    peer_uid: String,
    is_friend: bool,
    blocked: bool,
    peer_read_seq: Option<i64>,
}

#[derive(Queryable)]
pub(in crate::postgres) struct ViewColumns {
    unread_count: i64,
    last_seq: i64,
    read_seq: i64,
    updated_at: DateTime<Utc>,
    pinned: bool,
    muted: bool,
}

/// The newest visible message; all `NULL` if there is none.
#[derive(Queryable)]
pub(in crate::postgres) struct PreviewColumns {
    seq: Option<i64>,
    own: Option<bool>,
    key: Option<String>,
    content: Option<String>,
    created_at: Option<DateTime<Utc>>,
}

impl PreviewColumns {
    fn into_message(self, viewpoint: Viewpoint) -> Result<Option<Message>, DbError> {
        match (self.seq, self.own, self.created_at, self.content) {
            (Some(seq), Some(own), Some(at), content) => {
                let sender = SenderColumns { own, key: self.key };
                Ok(Some(viewpoint.message(seq, sender, content, at)))
            }
            (None, None, None, None) => Ok(None),
            _ => Err(DbError::Impossible("messages: a preview lacks a part of its columns")),
        }
    }
}

/// The columns of an entry.
pub(in crate::postgres) struct ListedEntry {
    pub(in crate::postgres) conversation: ConversationId,
    pub(in crate::postgres) peer: PeerColumns,
    pub(in crate::postgres) relation: RelationColumns,
    pub(in crate::postgres) view: ViewColumns,
    pub(in crate::postgres) preview: PreviewColumns,
}

impl ListedEntry {
    pub(in crate::postgres) fn into_domain(self, member: UserId) -> Result<ConversationSummary, DbError> {
        let Self { conversation: id, peer, relation, view, preview } = self;
        let viewpoint = Viewpoint { conversation: id, member, peer: peer.id() };
        Ok(ConversationSummary {
            id,
            friend_id: peer.id(),
            friend_uid: peer.display_uid(&relation.peer_uid)?,
            friend_name: peer.display_name()?,
            remark: peer.remark()?,
            is_friend: relation.is_friend,
            blocked: relation.blocked,
            peer_read_seq: relation.peer_read_seq.map(Seq::new),
            unread_count: view.unread_count,
            last_message: preview.into_message(viewpoint)?,
            last_seq: Seq::new(view.last_seq),
            read_seq: Seq::new(view.read_seq),
            updated_at: view.updated_at,
            pinned: view.pinned,
            muted: view.muted,
        })
    }
}

fn summary(member: UserId, row: ListRow) -> Result<ConversationSummary, DbError> {
    let ListRow { request, peer, relation, view, preview } = row;
    let conversation = ConversationId::from_uuid(request.conversation);
    ListedEntry { conversation, peer, relation, view, preview }.into_domain(member)
}

const fn cursor(conversation: &ConversationSummary) -> ConversationCursor {
    let ConversationSummary { pinned, updated_at, id, .. } = *conversation;
    ConversationCursor { pinned, updated_at, id }
}

/// The response to one [`ListQuery`].
pub(super) type ListResult = Result<ConversationPage, PortError>;

fn page(query: &ListQuery, rows: Vec<ListRow>) -> ListResult {
    let items: Result<Vec<_>, _> = rows.into_iter().map(|row| summary(query.member, row)).collect();
    let mut items = items.map_err(PortError::internal)?;
    // The statement returns the rows of all lists in no guaranteed order.
    items
        .sort_by_key(|conversation| Reverse((conversation.pinned, conversation.updated_at, conversation.id)));
    Ok(Page::from_lookahead(items, query.page.limit, cursor))
}

/// Responds to each query, in the same order. An invalid row fails its own list only.
pub(super) fn lists(
    connection: &mut PgConnection,
    queries: &[ListQuery],
) -> Result<Vec<ListResult>, DbError> {
    let all = || queries.iter();
    let after = || all().map(|query| query.page.after);
    let rows: Vec<ListRow> = Lists {
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
    let mut pages: Vec<Vec<ListRow>> = all().map(|_| Vec::new()).collect();
    for row in rows {
        batch_entry(&mut pages, row.request.number)?.push(row);
    }
    Ok(all().zip(pages).map(|(query, rows)| page(query, rows)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_that_lacks_a_part_of_its_columns_is_an_error() {
        let id = Uuid::from_u128(1);
        let (conversation, member) = (ConversationId::from_uuid(id), UserId::from_uuid(id));
        let viewpoint = Viewpoint { conversation, member, peer: member };
        let at = Some(DateTime::UNIX_EPOCH);
        let preview = |seq, own, text: Option<&str>, created_at| {
            let content = text.map(str::to_owned);
            PreviewColumns { seq, own, key: None, content, created_at }.into_message(viewpoint)
        };
        assert!(preview(None, None, None, None).unwrap().is_none());
        assert!(preview(Some(1), Some(true), None, at).unwrap().is_some(), "a recalled message");
        assert!(preview(Some(1), Some(true), Some("hi"), at).unwrap().is_some());
        for half in [
            preview(None, Some(true), Some("hi"), at),
            preview(Some(1), None, Some("hi"), at),
            preview(Some(1), Some(true), Some("hi"), None),
            preview(None, None, Some("hi"), None),
            preview(Some(1), None, None, None),
        ] {
            assert!(matches!(half, Err(DbError::Impossible(_))), "{half:?}");
        }
    }
}
