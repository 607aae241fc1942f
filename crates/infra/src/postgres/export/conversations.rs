//! The conversations of an export, each with what its member can see of its messages.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::export::{ExportPart, ExportedConversation, ExportedMessage};
use domain::friendship::Remark;
use domain::id::{ConversationId, UserId};
use domain::message::{ClientMessageId, Message, MessageId, Seq};
use uuid::Uuid;

use crate::db::{DbError, statement};
use crate::postgres::message::state_from_row;
use crate::postgres::row_values;

/// Conversations that are fetched at once. Each costs a look at all of the member's, which only an index of its own could
/// spare.
const CONVERSATIONS: i64 = 100;
/// Places of a history that are read at once. `seq` has no gaps, so that this bounds the work whatever is deleted.
const PLACES: i64 = 200;

statement! {
    NextConversations<'a> { member: &'a Uuid, after: Uuid, most: i64 } -> (
        (SqlUuid, SqlUuid, Text, Text, Text),
        (Bool, BigInt, BigInt, BigInt),
        (Bool, Bool, Bool),
    );
    "SELECT m.conversation_id, m.peer_id, u.state, u.name, m.remark,
            c.friends, m.read_seq, c.last_seq, m.cleared_seq, m.pinned, m.muted, m.hidden
       FROM conversation_members m
       JOIN conversations c ON c.id = m.conversation_id
       JOIN users u ON u.id = m.peer_id
      WHERE m.user_id = " [member: SqlUuid] " AND m.conversation_id > " [after: SqlUuid] "
      ORDER BY m.conversation_id
      LIMIT " [most: BigInt]
}

statement! {
    // What the member deleted lies between the same places, and is kept in a hash.
    NextMessages<'a> { conversation: Uuid, member: &'a Uuid, after: i64, to: i64 } -> (
        BigInt,
        Bool,
        Nullable<Text>,
        Timestamptz,
        Nullable<Text>,
    );
    "SELECT x.seq, x.sender_id = " [member: SqlUuid] ", x.content, x.created_at,
            CASE WHEN x.sender_id = " [member: SqlUuid] " THEN x.client_message_id END
       FROM messages x
      WHERE x.conversation_id = " [conversation: SqlUuid] " AND x.seq > " [after: BigInt] " AND x.seq <= " [to: BigInt] "
        AND x.seq NOT IN (SELECT d.seq FROM message_deletions d
                           WHERE d.conversation_id = " [conversation: SqlUuid] " AND d.user_id = " [member: SqlUuid] "
                             AND d.seq > " [after: BigInt] " AND d.seq <= " [to: BigInt] ")
      ORDER BY x.seq"
}

type Whom = (Uuid, Uuid, String, String, String);
type Standing = (bool, i64, i64, i64);
type Preferences = (bool, bool, bool);
type MessageRow = (i64, bool, Option<String>, DateTime<Utc>, Option<String>);

/// A history that is being read.
struct History {
    conversation: ConversationId,
    peer: UserId,
    /// Up to here it was read, or cleared.
    done_to: i64,
    last_seq: i64,
}

/// The member's conversations, as far as they were read.
pub(super) struct Conversations {
    member: UserId,
    /// The last one that was fetched.
    after: Uuid,
    fetched: VecDeque<(ExportedConversation, History)>,
    history: Option<History>,
}

impl Conversations {
    pub(super) const fn new(member: UserId) -> Self {
        Self { member, after: Uuid::nil(), fetched: VecDeque::new(), history: None }
    }

    /// The next conversation, or more messages of the last one; none at the end.
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
        let rows: Vec<(Whom, Standing, Preferences)> =
            NextConversations { member: &member, after: self.after, most: CONVERSATIONS }.load(connection)?;
        for row in rows {
            self.after = row.0.0;
            self.fetched.push_back(conversation(row)?);
        }
        Ok(())
    }
}

fn conversation(row: (Whom, Standing, Preferences)) -> Result<(ExportedConversation, History), DbError> {
    let ((id, peer, state, name, remark), standing, (pinned, muted, hidden)) = row;
    let (is_friend, read_seq, last_seq, cleared_seq) = standing;
    let (id, peer) = (ConversationId::from_uuid(id), UserId::from_uuid(peer));
    let conversation = ExportedConversation {
        id,
        friend_id: peer,
        friend_name: row_values::display_name_from_row(peer, &state, &name)?,
        remark: Remark::parse(&remark).map_err(DbError::stored("conversation_members", "remark", id))?,
        is_friend,
        read_seq: Seq::new(read_seq),
        last_seq: Seq::new(last_seq),
        pinned,
        muted,
        hidden,
    };
    Ok((conversation, History { conversation: id, peer, done_to: cleared_seq, last_seq }))
}

fn messages(
    connection: &mut PgConnection,
    member: UserId,
    history: &mut History,
) -> Result<Vec<ExportedMessage>, DbError> {
    let (conversation, after) = (history.conversation, history.done_to);
    let to = after.saturating_add(PLACES);
    let asked = NextMessages { conversation: conversation.as_uuid(), member: &member.as_uuid(), after, to };
    let rows: Vec<MessageRow> = asked.load(connection)?;
    history.done_to = to;
    let message = |(seq, own, content, created_at, key): MessageRow| {
        let key = key.map(ClientMessageId::parse).transpose();
        Ok(ExportedMessage {
            message: Message {
                id: MessageId { conversation, seq: Seq::new(seq) },
                sender_id: if own { member } else { history.peer },
                state: state_from_row(content),
                created_at,
            },
            client_message_id: key.map_err(DbError::stored("messages", "client_message_id", conversation))?,
        })
    };
    rows.into_iter().map(message).collect()
}
