//! The conversations of an export, each followed by the messages that the member can see.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::export::{ExportPart, ExportedConversation};
use domain::friendship::Remark;
use domain::id::{ConversationId, UserId};
use domain::message::{ClientMessageId, Message, MessageId, Seq};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::pairs::conversation::OWN_KEY;
use crate::postgres::pairs::deletions::{self, DELETED};
use crate::postgres::pairs::message::state_from_row;
use crate::postgres::row_values;

/// The number of conversations fetched at once. Each fetch scans all of the member's conversations; only an additional index
/// could avoid that.
const CONVERSATIONS: i64 = 100;
/// The range of `seq` read at once. `seq` has no gaps, so that this bounds the work however many messages are deleted.
const SEQS: i64 = 200;

statement! {
    NextConversations<'a> { member: &'a Uuid, after: Uuid, limit: i64 } -> (
        SqlUuid, SqlUuid, Text, Text, Text, Bool, BigInt, BigInt, BigInt, BigInt, Bool, Bool, Bool,
    );
    "SELECT m.conversation_id, m.peer_id, u.state, u.name, m.remark,
            c.friends, m.read_seq, c.last_seq, m.cleared_seq, m.deleted_seq, m.pinned, m.muted, m.hidden
       FROM conversation_members m
       JOIN conversations c ON c.id = m.conversation_id
       JOIN users u ON u.id = m.peer_id
      WHERE m.user_id = " [member: SqlUuid] " AND m.conversation_id > " [after: SqlUuid] "
      ORDER BY m.conversation_id
      LIMIT " [limit: BigInt]
}

statement! {
    // A deletion is looked up only where one is possible.
    NextMessages<'a> { conversation: Uuid, member: &'a Uuid, after: i64, to: i64, deleted_seq: i64 } -> (
        BigInt,
        Bool,
        Nullable<Text>,
        Timestamptz,
        Nullable<Text>,
    );
    "SELECT x.seq, x.sender_id = m.user_id, x.content, x.created_at,
            " {OWN_KEY}
    "       FROM (SELECT " [conversation: SqlUuid] " AS conversation_id, " [member: SqlUuid] " AS user_id) m
       JOIN messages x ON x.conversation_id = m.conversation_id
      WHERE x.seq > " [after: BigInt] " AND x.seq <= " [to: BigInt] "
        AND CASE WHEN x.seq > " [deleted_seq: BigInt] " THEN true ELSE NOT " {DELETED} " END
      ORDER BY x.seq"
}

#[derive(Queryable)]
struct ConversationRow {
    id: Uuid,
    peer_id: Uuid,
    peer_state: String,
    peer_name: String,
    remark: String,
    is_friend: bool,
    read_seq: i64,
    last_seq: i64,
    cleared_seq: i64,
    deleted_seq: i64,
    pinned: bool,
    muted: bool,
    hidden: bool,
}

#[derive(Queryable)]
struct ExportedMessageRow {
    seq: i64,
    own: bool,
    content: Option<String>,
    created_at: DateTime<Utc>,
    client_message_id: Option<String>,
}

/// The part of a conversation's history that is not exported yet.
struct RemainingHistory {
    conversation: ConversationId,
    peer: UserId,
    /// The last `seq` that has been read or was cleared by the member.
    done_to: i64,
    last_seq: i64,
    /// Messages up to this seq may be deleted one by one.
    deleted_seq: i64,
}

/// Reads the member's conversations in id order.
pub(super) struct ConversationReader {
    member: UserId,
    /// The id of the last fetched conversation.
    after: Uuid,
    fetched: VecDeque<(ExportedConversation, RemainingHistory)>,
    history: Option<RemainingHistory>,
}

impl ConversationReader {
    pub(super) const fn new(member: UserId) -> Self {
        Self { member, after: Uuid::nil(), fetched: VecDeque::new(), history: None }
    }

    /// More messages of the current conversation, else the next conversation; `None` at the end.
    pub(super) fn next(&mut self, connection: &mut PgConnection) -> Result<Option<ExportPart>, DbError> {
        if let Some(history) = self.history.as_mut().filter(|history| history.done_to < history.last_seq) {
            return messages(connection, self.member, history).map(|part| Some(ExportPart::Messages(part)));
        }
        if self.fetched.is_empty() {
            self.fetch(connection)?;
        }
        let Some((conversation, history)) = self.fetched.pop_front() else { return Ok(None) };
        self.history = Some(history);
        Ok(Some(ExportPart::Conversation(conversation)))
    }

    fn fetch(&mut self, connection: &mut PgConnection) -> Result<(), DbError> {
        let member = self.member.as_uuid();
        let rows: Vec<ConversationRow> =
            NextConversations { member: &member, after: self.after, limit: CONVERSATIONS }
                .load(connection)?;
        for row in rows {
            self.after = row.id;
            self.fetched.push_back(conversation(row)?);
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the row becomes the conversation")]
fn conversation(row: ConversationRow) -> Result<(ExportedConversation, RemainingHistory), DbError> {
    let (id, peer) = (ConversationId::from_uuid(row.id), UserId::from_uuid(row.peer_id));
    let remark = Remark::parse(&row.remark);
    let conversation = ExportedConversation {
        id,
        friend_id: peer,
        friend_name: row_values::display_name_from_row(peer, &row.peer_state, &row.peer_name)?,
        remark: remark.map_err(DbError::stored("conversation_members", "remark", id))?,
        is_friend: row.is_friend,
        read_seq: Seq::new(row.read_seq),
        last_seq: Seq::new(row.last_seq),
        pinned: row.pinned,
        muted: row.muted,
        hidden: row.hidden,
    };
    Ok((
        conversation,
        RemainingHistory {
            conversation: id,
            peer,
            done_to: row.cleared_seq,
            last_seq: row.last_seq,
            deleted_seq: row.deleted_seq,
        },
    ))
}

fn messages(
    connection: &mut PgConnection,
    member: UserId,
    history: &mut RemainingHistory,
) -> Result<Vec<Message>, DbError> {
    let (conversation, after, deleted_seq) = (history.conversation, history.done_to, history.deleted_seq);
    let to = after.saturating_add(SEQS);
    let (id, user) = (conversation.as_uuid(), member.as_uuid());
    let rows: Vec<ExportedMessageRow> =
        NextMessages { conversation: id, member: &user, after, to, deleted_seq }.load(connection)?;
    history.done_to = to;
    if rows.is_empty() && to <= deleted_seq {
        // Deleted messages are passed over at once, however many there are.
        let end = deletions::end_of_range(connection, id, user, to)?;
        history.done_to = end.map_or(to, |end| end.max(to));
    }
    let message = |row: ExportedMessageRow| Message {
        id: MessageId { conversation, seq: Seq::new(row.seq) },
        sender_id: if row.own { member } else { history.peer },
        state: state_from_row(row.content),
        client_message_id: row.client_message_id.map(ClientMessageId::from_stored),
        created_at: row.created_at,
    };
    Ok(rows.into_iter().map(message).collect())
}
