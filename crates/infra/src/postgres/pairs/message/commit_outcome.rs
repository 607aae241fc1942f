//! Commit outcome resolution: runs one send transaction and, if the reply to COMMIT is lost or unclear, finds out whether it committed.
//!
//! The transaction in doubt holds the lock of its first message's pair until it ends. So another transaction takes that lock, looks
//! for the message and commits. A row lock gives that transaction an id of its own, so its COMMIT waits for the same standbys: an
//! outcome counts only once it survives a fail-over, too. `pg_xact_status` proves less: after a restart the primary calls a
//! transaction committed whose wait for the standby was cut short.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Timestamptz, Uuid as SqlUuid};
use domain::error::PortError;
use domain::message::Draft;
use uuid::Uuid;

use super::append::{Appended, CommitProbe, Locking, append};
use crate::db::{
    Connections, Db, DbError, ErrorClass, TransactionError, batch_transaction, statement, transaction,
};
use crate::runtime::watched_thread;

statement! {
    // Waits, at most for lock_timeout, until the transaction in doubt has ended.
    LockPair<'a> { conversation: &'a Uuid } -> (SqlUuid);
    "SELECT id FROM conversations WHERE id = " [conversation: SqlUuid] " FOR NO KEY UPDATE"
}

statement! {
    // A position that never reached the disk or the standby is assigned again, possibly to the same sender; but never with the
    // same time.
    MessageExists<'a> { conversation: Uuid, seq: i64, sender: &'a Uuid, created_at: DateTime<Utc> } -> (Bool);
    "SELECT EXISTS (SELECT FROM messages m WHERE m.conversation_id = " [conversation: SqlUuid]
          " AND m.seq = " [seq: BigInt] " AND m.sender_id = " [sender: SqlUuid]
          " AND m.created_at = " [created_at: Timestamptz] ")"
}

/// Why a batch was not stored.
#[derive(Debug)]
pub(super) enum StoreError {
    /// Nothing was stored; an immediate retry may succeed.
    Retry(DbError),
    /// Nothing was stored; one of the drafts may be the cause.
    Failed(DbError),
    /// The database is unreachable or overloaded, or the outcome is unknown.
    Unavailable(PortError),
}

impl StoreError {
    /// The error to report to the callers.
    pub(super) fn into_error(self) -> PortError {
        match self {
            Self::Retry(error) => PortError::unavailable(Db::RETRY_AFTER, error),
            Self::Failed(error) => PortError::internal(error),
            Self::Unavailable(error) => error,
        }
    }
}

/// Maximum time to probe for the outcome of a transaction whose reply was lost: no caller waits for longer.
const MAX_PROBE_TIME: Duration = Duration::from_secs(3);

/// Stores the accepted ones of `drafts` in one transaction.
pub(super) fn store(
    connections: &Connections,
    drafts: &[Draft],
    locking: Locking,
) -> Result<Appended, StoreError> {
    let mut connection = connections.take().map_err(StoreError::Unavailable)?;
    let inner = connection.inner().map_err(StoreError::Failed)?;
    match batch_transaction(inner, |connection| append(connection, drafts, locking)) {
        Ok(appended) => {
            // A transaction that stored nothing waits for no standby.
            if appended.probe.is_some() {
                watched_thread::note_commit();
            }
            Ok(appended)
        }
        Err(TransactionError::RolledBack(error)) => Err(match connections.classify(&error) {
            ErrorClass::ConnectionLost => {
                connections.lost(connection);
                StoreError::Retry(error)
            }
            ErrorClass::RolledBack => StoreError::Retry(error),
            ErrorClass::Busy => StoreError::Unavailable(PortError::unavailable(Db::RETRY_AFTER, error)),
            ErrorClass::Bug => StoreError::Failed(error),
        }),
        Err(TransactionError::InDoubt { value, error }) => {
            connections.classify(&error);
            connections.lost(connection);
            resolve(connections, value, error)
        }
    }
}

/// Finds out whether a transaction was committed after the reply to COMMIT was lost or unclear. A blind retry would duplicate
/// messages without a key.
fn resolve(connections: &Connections, appended: Appended, error: DbError) -> Result<Appended, StoreError> {
    // It stored nothing, but it found messages under their keys that the standby may not have: its COMMIT waited for them, too.
    let Some(probe) = &appended.probe else { return Err(StoreError::Retry(error)) };
    tracing::warn!(%error, "no clear reply to COMMIT; probing whether it committed");
    let deadline = Instant::now() + MAX_PROBE_TIME;
    while Instant::now() < deadline && !watched_thread::is_given_up() {
        match probe_commit(connections, probe) {
            Some(true) => return Ok(appended),
            Some(false) => return Err(StoreError::Retry(error)),
            // The transaction is still in progress, a standby is missing, or the database is unreachable.
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Err(StoreError::Unavailable(PortError::unavailable(Db::RETRY_AFTER, error)))
}

/// Whether the transaction was committed; `None` while unknown.
fn probe_commit(connections: &Connections, probe: &CommitProbe) -> Option<bool> {
    let mut connection = connections.take().ok()?;
    let inner = connection.inner().ok()?;
    let (error, lost) = match transaction(inner, |connection| exists(connection, probe)) {
        Ok(exists) => return Some(exists),
        Err(TransactionError::RolledBack(error)) => (error, false),
        Err(TransactionError::InDoubt { error, .. }) => (error, true),
    };
    if connections.classify(&error) == ErrorClass::ConnectionLost || lost {
        connections.lost(connection);
    }
    None
}

/// Whether the message exists once no other transaction holds its pair. Holds the pair until the end of this transaction.
fn exists(connection: &mut PgConnection, probe: &CommitProbe) -> Result<bool, DbError> {
    let conversation = probe.message.conversation.as_uuid();
    LockPair { conversation: &conversation }.get_result::<(Uuid,)>(connection).optional()?;
    // A separate statement: a snapshot taken before the lock was granted would not show the message.
    let query = MessageExists {
        conversation,
        seq: probe.message.seq.get(),
        sender: &probe.sender.as_uuid(),
        created_at: probe.created_at,
    };
    let (exists,) = query.get_result::<(bool,)>(connection)?;
    Ok(exists)
}

#[cfg(test)]
mod tests {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    use domain::id::{ConversationId, UserId};
    use domain::message::{MessageId, Seq};
    use test_db::{Template, TestDatabase};

    use super::*;
    use crate::db::{DbSettings, Patience};

    statement! {
        Stored<'a> { conversation: &'a Uuid } -> (Timestamptz);
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT id, 1, user_lo, 1, 'x', clock_timestamp() FROM conversations WHERE id = " [conversation: SqlUuid] " FOR NO KEY UPDATE
         RETURNING created_at"
    }

    fn connections() -> (TestDatabase, PgConnection, PgConnection) {
        let migrate = |url: &str| {
            let _ = crate::migrations::run(url, Duration::from_secs(60)).unwrap();
        };
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let database = TestDatabase::create(&Template::of_migrations(folder.as_ref(), migrate));
        let connect = || PgConnection::establish(database.url()).unwrap();
        let (mut one, other) = (connect(), connect());
        // Without its accounts, whose references are not checked in this session.
        one.batch_execute(
            "SET session_replication_role = replica;
             INSERT INTO conversations (id, user_lo, user_hi)
             VALUES (lpad('1', 32, '0')::uuid, lpad('1', 32, '0')::uuid, lpad('2', 32, '0')::uuid)",
        )
        .unwrap();
        (database, one, other)
    }

    /// Stores a message in the open transaction, which then holds the pair.
    fn store_one(connection: &mut PgConnection) -> CommitProbe {
        let id = Uuid::from_u128(1);
        let (created_at,) = Stored { conversation: &id }.get_result(connection).unwrap();
        let message = MessageId { conversation: ConversationId::from_uuid(id), seq: Seq::new(1) };
        CommitProbe { message, sender: UserId::from_uuid(id), created_at }
    }

    fn look(connection: &mut PgConnection, probe: &CommitProbe) -> Result<bool, TransactionError<bool>> {
        transaction(connection, |connection| exists(connection, probe))
    }

    #[tokio::test]
    async fn what_was_only_found_counts_once_a_commit_after_it_is_clear() {
        let (url, patience) = ("postgresql:///nowhere".to_owned(), Patience::SERVER);
        let settings = DbSettings { url, connections: 1, reserved: 0, queue: 1, patience };
        let found = Appended { outcomes: Vec::new(), marks: Vec::new(), probe: None };
        let connections = Db::new(&settings).unwrap().connections();
        let resolved = resolve(&connections, found, DbError::Overdue("no reply to COMMIT"));
        assert!(matches!(resolved, Err(StoreError::Retry(_))), "{resolved:?}");
    }

    #[test]
    fn a_transaction_in_progress_has_no_outcome_yet() {
        let (_database, mut writer, mut prober) = connections();
        writer.batch_execute("BEGIN").unwrap();
        let probe = store_one(&mut writer);
        prober.batch_execute("SET lock_timeout = '200ms'").unwrap();
        assert!(matches!(look(&mut prober, &probe), Err(TransactionError::RolledBack(_))));
        writer.batch_execute("COMMIT").unwrap();
        assert!(look(&mut prober, &probe).unwrap());
    }

    #[test]
    fn a_rolled_back_transaction_is_not_committed() {
        let (_database, mut writer, mut prober) = connections();
        writer.batch_execute("BEGIN").unwrap();
        let probe = store_one(&mut writer);
        writer.batch_execute("ROLLBACK").unwrap();
        assert!(!look(&mut prober, &probe).unwrap());
    }

    #[test]
    fn a_reused_position_does_not_count_as_committed() {
        let (_database, mut writer, mut prober) = connections();
        let probe = store_one(&mut writer);
        assert!(look(&mut prober, &probe).unwrap());
        let lost = CommitProbe { created_at: probe.created_at - chrono::TimeDelta::microseconds(1), ..probe };
        assert!(!look(&mut prober, &lost).unwrap());
    }

    /// Only a transaction with an id waits at its COMMIT for the standbys.
    #[test]
    fn looking_for_the_outcome_takes_a_transaction_id() {
        let (_database, mut writer, mut prober) = connections();
        let probe = store_one(&mut writer);
        let has_id = transaction(&mut prober, |connection| {
            exists(connection, &probe)?;
            let id =
                diesel::dsl::sql::<diesel::sql_types::Bool>("pg_current_xact_id_if_assigned() IS NOT NULL");
            Ok(diesel::select(id).get_result::<bool>(connection)?)
        });
        assert!(has_id.unwrap());
    }
}
