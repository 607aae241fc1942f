//! Messages on PostgreSQL. Sends go through group commit; recalls and deletions are transactions of their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::error::PortError;
use domain::id::UserId;
use domain::message::{
    Draft, MessageId, MessageRepository, RecallDecision, RecallOutcome, Recallable, SendOutcome,
    decide_recall,
};
use uuid::Uuid;

use super::pair;
use crate::db::{self, Db, DbError, greatest};
use crate::metrics::Collectors;
use crate::postgres::search;
use crate::schema::{conversation_members, conversations, message_deletions, messages};
use group_commit::SendQueue;

mod append;
mod commit_outcome;
mod group_commit;
mod row;
mod send_metrics;

pub use group_commit::SendQueueSettings;
pub(in crate::postgres) use row::state_from_row;

/// Messages on PostgreSQL.
pub struct PgMessageRepository {
    db: Arc<Db>,
    queue: SendQueue,
}

impl PgMessageRepository {
    /// Creates the repository and starts the writers of the send queue.
    ///
    /// # Errors
    /// If the system cannot start more threads.
    pub fn start(db: Arc<Db>, settings: SendQueueSettings) -> std::io::Result<Self> {
        let queue = SendQueue::start(&db, settings)?;
        Ok(Self { db, queue })
    }

    /// Metrics of the send queue.
    ///
    /// # Errors
    /// If a metric's name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        self.queue.collectors()
    }
}

fn recall(
    connection: &mut PgConnection,
    message: MessageId,
    caller: UserId,
    window: Duration,
) -> Result<RecallOutcome, DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    let row = messages::table.find((conversation, seq));
    let own = row.filter(messages::sender_id.eq(caller.as_uuid()));
    // For everyone but its sender the message does not exist, so that nothing is locked.
    if !diesel::select(diesel::dsl::exists(own)).get_result(connection)? {
        return Ok(RecallOutcome::Unknown);
    }
    pair::lock(connection, message.conversation)?;
    let locked: Option<(Uuid, DateTime<Utc>, Option<DateTime<Utc>>)> = own
        .select((messages::sender_id, messages::created_at, messages::recalled_at))
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some((sender, created_at, recalled_at)) = locked else { return Ok(RecallOutcome::Unknown) };
    let recallable =
        Recallable { sender: UserId::from_uuid(sender), created_at, recalled: recalled_at.is_some() };
    let now = db::now(connection)?;
    match decide_recall(&recallable, caller, now, window) {
        Ok(RecallDecision::Recall) => {
            diesel::update(row)
                .set((messages::content.eq(None::<String>), messages::recalled_at.eq(now)))
                .execute(connection)?;
            diesel::update(conversations::table.find(conversation))
                .set(conversations::recalled_seq.eq(greatest(conversations::recalled_seq, seq)))
                .execute(connection)?;
            search::forget(connection, message)?;
            Ok(RecallOutcome::Done(RecallDecision::Recall))
        }
        Ok(RecallDecision::AlreadyRecalled) => Ok(RecallOutcome::Done(RecallDecision::AlreadyRecalled)),
        Err(refusal) => Ok(RecallOutcome::Refused(refusal)),
    }
}

fn delete_for(connection: &mut PgConnection, caller: UserId, message: MessageId) -> Result<bool, DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    let membership = conversation_members::table.find((conversation, caller.as_uuid()));
    let cleared: Option<i64> = membership
        .select(conversation_members::cleared_seq)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some(cleared) = cleared else { return Ok(false) };
    let there: bool = diesel::select(diesel::dsl::exists(messages::table.find((conversation, seq))))
        .get_result(connection)?;
    if there && seq > cleared {
        diesel::insert_into(message_deletions::table)
            .values((
                message_deletions::conversation_id.eq(conversation),
                message_deletions::user_id.eq(caller.as_uuid()),
                message_deletions::seq.eq(seq),
            ))
            .on_conflict_do_nothing()
            .execute(connection)?;
        diesel::update(membership)
            .set(conversation_members::deleted_seq.eq(greatest(conversation_members::deleted_seq, seq)))
            .execute(connection)?;
    }
    Ok(there)
}

#[async_trait]
impl MessageRepository for PgMessageRepository {
    async fn send(&self, draft: Draft) -> Result<SendOutcome, PortError> {
        let dropped = |_| PortError::unavailable(Db::RETRY_AFTER, "the send queue dropped the message");
        self.queue.submit(draft)?.await.map_err(dropped)?
    }

    async fn recall(
        &self,
        message: MessageId,
        caller: UserId,
        window: Duration,
    ) -> Result<RecallOutcome, PortError> {
        self.db.transaction(move |connection| recall(connection, message, caller, window)).await
    }

    async fn delete_for(&self, caller: UserId, message: MessageId) -> Result<bool, PortError> {
        self.db.transaction(move |connection| delete_for(connection, caller, message)).await
    }
}
