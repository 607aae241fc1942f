//! Deduplication: finds the messages that are stored under the idempotency keys of a batch.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::message::{ClientMessageId, Draft, ExistingMessage, Seq};
use uuid::Uuid;

use super::row::state_from_row;
use crate::db::{DbError, statement};

statement! {
    // A separate statement after the lock was granted: within one statement the snapshot would predate the lock wait.
    ExistingMessages<'a> { conversations: &'a [Uuid], senders: &'a [Uuid], keys: &'a [&'a str] }
        -> (SqlUuid, SqlUuid, Text, BigInt, Nullable<Text>, Timestamptz);
    "SELECT m.conversation_id, m.sender_id, m.client_message_id, m.seq, m.content, m.created_at
       FROM unnest(" [conversations: Array<SqlUuid>] ", " [senders: Array<SqlUuid>] ", " [keys: Array<Text>] ")
            AS k (conversation_id, sender_id, client_message_id)
       JOIN messages m USING (conversation_id, sender_id, client_message_id)"
}

/// Identifies a message for deduplication.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DedupKey {
    conversation: Uuid,
    sender: Uuid,
    client_message_id: ClientMessageId,
}

pub(super) fn dedup_key(draft: &Draft) -> Option<DedupKey> {
    Some(DedupKey {
        conversation: draft.from.pair.conversation_id().as_uuid(),
        sender: draft.from.user().as_uuid(),
        client_message_id: draft.client_message_id.clone()?,
    })
}

#[derive(Queryable)]
struct ExistingRow {
    conversation: Uuid,
    sender: Uuid,
    client_message_id: String,
    seq: i64,
    content: Option<String>,
    created_at: DateTime<Utc>,
}

/// A message that is stored, or will be by the same batch: then its time is not known yet.
pub(super) struct KnownMessage {
    pub(super) message: ExistingMessage,
    pub(super) created_at: Option<DateTime<Utc>>,
}

impl ExistingRow {
    fn into_known(self) -> Result<(DedupKey, KnownMessage), DbError> {
        let client_message_id = ClientMessageId::parse(self.client_message_id).map_err(DbError::stored(
            "messages",
            "client_message_id",
            self.conversation,
        ))?;
        let key = DedupKey { conversation: self.conversation, sender: self.sender, client_message_id };
        let message = ExistingMessage { seq: Seq::new(self.seq), state: state_from_row(self.content) };
        Ok((key, KnownMessage { message, created_at: Some(self.created_at) }))
    }
}

/// The messages that are stored under the keys of the drafts. The pairs are locked.
pub(super) fn existing_messages(
    connection: &mut PgConnection,
    drafts: &[Draft],
) -> Result<HashMap<DedupKey, KnownMessage>, DbError> {
    let keys: Vec<DedupKey> = drafts.iter().filter_map(dedup_key).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    ExistingMessages {
        conversations: &keys.iter().map(|key| key.conversation).collect::<Vec<_>>(),
        senders: &keys.iter().map(|key| key.sender).collect::<Vec<_>>(),
        keys: &keys.iter().map(|key| key.client_message_id.as_str()).collect::<Vec<_>>(),
    }
    .load::<ExistingRow>(connection)?
    .into_iter()
    .map(ExistingRow::into_known)
    .collect()
}
