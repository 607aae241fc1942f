//! The list of conversations, in one round trip.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::conversation::{
    ConversationCursor, ConversationPage, ConversationPageRequest, ConversationSummary,
};
use domain::friendship::Remark;
use domain::id::{ConversationId, UserId};
use domain::message::{Message, MessageContent, MessageId, Seq};
use domain::page::Page;
use uuid::Uuid;

use super::read::UNREAD;
use super::window::NOT_DELETED;
use crate::db::{DbError, statement};
use crate::postgres::stored;

statement! {
    // The page is chosen first, from the member's own rows and their pairs alone; what it shows is fetched for it only.
    List<'a> {
        member: &'a Uuid,
        first_page: bool,
        pinned: bool,
        updated_at: DateTime<Utc>,
        id: Uuid,
        limit: i64,
    } -> (
        (SqlUuid, SqlUuid, Text, Text, Nullable<Text>),
        (BigInt, BigInt, BigInt, Timestamptz, Bool, Bool),
        (Nullable<BigInt>, Nullable<SqlUuid>, Nullable<Text>, Nullable<Timestamptz>),
    );
    "WITH page AS MATERIALIZED (
         SELECT m.conversation_id, m.user_id, m.peer_id, m.read_seq, m.cleared_seq, m.peer_seen, m.pinned, m.muted,
                c.user_lo, c.lo_sent, c.hi_sent, c.last_seq, coalesce(c.last_at, c.befriended_at) AS updated_at
           FROM conversation_members m JOIN conversations c ON c.id = m.conversation_id
          WHERE m.user_id = " [member: SqlUuid] "
            AND (NOT m.hidden OR c.last_seq > m.cleared_seq)
            AND (" [first_page: Bool] "
                 OR (m.pinned, coalesce(c.last_at, c.befriended_at), m.conversation_id)
                  < (" [pinned: Bool] ", " [updated_at: Timestamptz] ", " [id: SqlUuid] "))
          ORDER BY m.pinned DESC, coalesce(c.last_at, c.befriended_at) DESC, m.conversation_id DESC
          LIMIT " [limit: BigInt] ")
     SELECT m.conversation_id, m.peer_id, u.state, u.name, f.remark,
            " {UNREAD} ", m.last_seq, m.read_seq, m.updated_at, m.pinned, m.muted,
            newest.seq, newest.sender_id, newest.content, newest.created_at
       FROM page m
       CROSS JOIN LATERAL (SELECT m.user_lo, m.lo_sent, m.hi_sent) c
       JOIN users u ON u.id = m.peer_id
       LEFT JOIN friendships f ON f.owner_id = m.user_id AND f.friend_id = m.peer_id
       LEFT JOIN LATERAL (
           SELECT x.seq, x.sender_id, x.content, x.created_at
             FROM messages x
            WHERE x.conversation_id = m.conversation_id AND x.seq > m.cleared_seq AND " {NOT_DELETED} ")
            ORDER BY x.seq DESC
            LIMIT 1) newest ON true
      ORDER BY m.pinned DESC, m.updated_at DESC, m.conversation_id DESC"
}

type Whom = (Uuid, Uuid, String, String, Option<String>);
type Standing = (i64, i64, i64, DateTime<Utc>, bool, bool);
pub(super) type MaybeMessage = (Option<i64>, Option<Uuid>, Option<String>, Option<DateTime<Utc>>);

/// A message of an outer join; none where it found none.
pub(super) fn message(conversation: ConversationId, row: MaybeMessage) -> Option<Message> {
    let (Some(seq), Some(sender), content, Some(created_at)) = row else { return None };
    Some(Message {
        id: MessageId { conversation, seq: Seq::new(seq) },
        sender_id: UserId::from_uuid(sender),
        content: content.map(MessageContent::from_stored),
        created_at,
    })
}

/// What the owner of a friendship calls the friend; empty where there is no friendship.
pub(super) fn remark(friend: UserId, text: Option<String>) -> Result<Remark, DbError> {
    Remark::parse(&text.unwrap_or_default()).map_err(DbError::stored("friendships", friend))
}

fn summary(row: (Whom, Standing, MaybeMessage)) -> Result<ConversationSummary, DbError> {
    let ((id, peer, state, name, remarked), standing, newest) = row;
    let (unread_count, last_seq, read_seq, updated_at, pinned, muted) = standing;
    let (id, friend_id) = (ConversationId::from_uuid(id), UserId::from_uuid(peer));
    Ok(ConversationSummary {
        id,
        friend_id,
        friend_name: stored::display(friend_id, &state, &name)?,
        remark: remark(friend_id, remarked)?,
        unread_count,
        last_message: message(id, newest),
        last_seq: Seq::new(last_seq),
        read_seq: Seq::new(read_seq),
        updated_at,
        pinned,
        muted,
    })
}

pub(super) fn list(
    connection: &mut PgConnection,
    member: UserId,
    page: &ConversationPageRequest,
) -> Result<ConversationPage, DbError> {
    let after = page.after;
    let rows: Vec<(Whom, Standing, MaybeMessage)> = List {
        member: &member.as_uuid(),
        first_page: after.is_none(),
        pinned: after.is_some_and(|after| after.pinned),
        updated_at: after.map_or(DateTime::UNIX_EPOCH, |after| after.updated_at),
        id: after.map_or(Uuid::nil(), |after| after.id.as_uuid()),
        limit: page.limit.get() + 1,
    }
    .load(connection)?;
    let items: Vec<_> = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
    Ok(Page::from_overfull(items, page.limit.get(), |conversation| ConversationCursor {
        pinned: conversation.pinned,
        updated_at: conversation.updated_at,
        id: conversation.id,
    }))
}
