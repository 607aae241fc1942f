//! Messages on PostgreSQL. Sends go through group commit; recalls and deletions are transactions of their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use domain::error::PortError;
use domain::id::UserId;
use domain::message::{
    Draft, MessageId, MessageRepository, RecallDecision, RecallOutcome, Recallable, SendOutcome,
    decide_recall,
};
use uuid::Uuid;

use super::deletions::{self, DELETED};
use super::pair;
use crate::db::{self, Db, DbError, Noted, greatest, statement};
use crate::metrics::Collectors;
use crate::postgres::change::{Changes, stamp};
use crate::postgres::search;
use crate::runtime::worker::CommitMonitor;
use crate::schema::{conversation_members, conversations, messages, recalls_by_change};
use group_commit::SendQueue;

mod append;
mod commit_outcome;
mod dedup;
mod group_commit;
mod row;
mod send_metrics;
mod stored;

pub use group_commit::SendQueueSettings;
pub(in crate::postgres) use row::state_from_row;
pub(crate) use stored::read as stored_messages;

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

    /// Tells whether the COMMITs of the send queue return.
    #[must_use]
    pub fn commit_monitor(&self) -> CommitMonitor {
        self.queue.commit_monitor()
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
) -> Result<Noted<RecallOutcome>, DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    let row = messages::table.find((conversation, seq));
    let own = row.filter(messages::sender_id.eq(caller.as_uuid()));
    // For everyone but its sender the message does not exist, so that nothing is locked.
    if !diesel::select(diesel::dsl::exists(own)).get_result(connection)? {
        return Ok(Noted::nothing(RecallOutcome::Unknown));
    }
    let pair = pair::lock(connection, message.conversation)?;
    lock_receiver(connection, conversation, caller.as_uuid())?;
    let locked: Option<(Uuid, DateTime<Utc>, Option<DateTime<Utc>>)> = own
        .select((messages::sender_id, messages::created_at, messages::recalled_at))
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some((sender, created_at, recalled_at)) = locked else {
        return Ok(Noted::nothing(RecallOutcome::Unknown));
    };
    let recallable =
        Recallable { sender: UserId::from_uuid(sender), created_at, recalled: recalled_at.is_some() };
    let now = db::now(connection)?;
    Ok(match decide_recall(&recallable, caller, now, window) {
        Ok(RecallDecision::Recall) => {
            erase_text(connection, message, caller, now)?;
            let mut changes = Changes::default();
            changes.stamped(pair.iter().flat_map(|state| [state.pair.lo(), state.pair.hi()]));
            changes.with(RecallOutcome::Done(RecallDecision::Recall))
        }
        Ok(RecallDecision::AlreadyRecalled) => {
            Noted::nothing(RecallOutcome::Done(RecallDecision::AlreadyRecalled))
        }
        Err(refusal) => Noted::nothing(RecallOutcome::Refused(refusal)),
    })
}

/// Erases the text of a message whose rows are locked.
fn erase_text(
    connection: &mut PgConnection,
    message: MessageId,
    sender: UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    diesel::update(messages::table.find((conversation, seq)))
        .set((messages::content.eq(None::<String>), messages::recalled_at.eq(now)))
        .execute(connection)?;
    diesel::update(conversations::table.find(conversation))
        .set((
            conversations::recalled_seq.eq(greatest(conversations::recalled_seq, seq)),
            conversations::changed_in.eq(stamp()),
        ))
        .execute(connection)?;
    diesel::insert_into(recalls_by_change::table)
        .values((
            recalls_by_change::conversation_id.eq(conversation),
            recalls_by_change::recalled_in.eq(stamp()),
            recalls_by_change::seq.eq(seq),
        ))
        .execute(connection)?;
    HideFromUnread { conversation, sender: &sender.as_uuid(), seq }.execute(connection)?;
    search::forget(connection, message)
}

statement! {
    // The receiver's row is locked, so that neither a deletion nor a read position changes the answer meanwhile.
    HideFromUnread<'a> { conversation: Uuid, sender: &'a Uuid, seq: i64 } -> ();
    "UPDATE conversation_members m SET hidden_unread = m.hidden_unread + 1
       FROM (SELECT " [seq: BigInt] " AS seq) x
      WHERE m.conversation_id = " [conversation: SqlUuid] " AND m.user_id <> " [sender: SqlUuid] "
        AND x.seq > greatest(m.read_seq, m.cleared_seq) AND NOT " {DELETED}
}

/// Locks the row of the member who receives the sender's messages, if that account is not erased.
fn lock_receiver(connection: &mut PgConnection, conversation: Uuid, sender: Uuid) -> Result<(), DbError> {
    let _: Option<Uuid> = conversation_members::table
        .filter(conversation_members::conversation_id.eq(conversation))
        .filter(conversation_members::user_id.ne(sender))
        .select(conversation_members::user_id)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    Ok(())
}

fn delete_for(
    connection: &mut PgConnection,
    caller: UserId,
    message: MessageId,
) -> Result<Noted<bool>, DbError> {
    let (conversation, seq) = (message.conversation.as_uuid(), message.seq.get());
    let membership = conversation_members::table.find((conversation, caller.as_uuid()));
    let locked: Option<(i64, i64, Uuid)> = membership
        .select((
            conversation_members::read_seq,
            conversation_members::cleared_seq,
            conversation_members::peer_id,
        ))
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let Some((read_seq, cleared_seq, peer)) = locked else { return Ok(Noted::nothing(false)) };
    let mut changes = Changes::default();
    // Read under the lock, which a recall takes too.
    let stored: Option<(Uuid, Option<DateTime<Utc>>)> = messages::table
        .find((conversation, seq))
        .select((messages::sender_id, messages::recalled_at))
        .first(connection)
        .optional()?;
    let Some((sender, recalled_at)) = stored else { return Ok(Noted::nothing(false)) };
    if seq > cleared_seq && deletions::delete(connection, conversation, caller.as_uuid(), seq)? {
        let was_unread = seq > read_seq && sender == peer && recalled_at.is_none();
        diesel::update(membership)
            .set((
                conversation_members::deleted_seq.eq(greatest(conversation_members::deleted_seq, seq)),
                conversation_members::hidden_unread
                    .eq(conversation_members::hidden_unread + i64::from(was_unread)),
                conversation_members::changed_in.eq(stamp()),
            ))
            .execute(connection)?;
        deletions::note(connection, conversation, caller.as_uuid(), seq)?;
        changes.stamped([caller]);
    }
    Ok(changes.with(true))
}

#[async_trait]
impl MessageRepository for PgMessageRepository {
    async fn send(&self, draft: Draft) -> Result<SendOutcome, PortError> {
        let unavailable = |why: &'static str| PortError::unavailable(Db::RETRY_AFTER, why);
        let (limit, reply) = (self.db.patience().result_while_stalled, self.queue.submit(draft)?);
        // A message that is stored after that is found under its key when it is sent again.
        let replied = tokio::time::timeout(limit, reply).await;
        let replied = replied.map_err(|_| unavailable("a message takes too long to store"))?;
        replied.map_err(|_| unavailable("the send queue dropped the message"))?
    }

    async fn recall(
        &self,
        message: MessageId,
        caller: UserId,
        window: Duration,
    ) -> Result<RecallOutcome, PortError> {
        self.db.change(move |connection| recall(connection, message, caller, window)).await
    }

    async fn delete_for(&self, caller: UserId, message: MessageId) -> Result<bool, PortError> {
        self.db.change(move |connection| delete_for(connection, caller, message)).await
    }
}
