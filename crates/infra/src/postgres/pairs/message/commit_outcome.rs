//! Commit outcome resolution: runs one send transaction and, if the reply to COMMIT is lost, finds out whether it committed.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::error::PortError;
use domain::message::{Draft, SendOutcome};
use uuid::Uuid;

use super::append::{Appended, CommitProbe, Locking, append};
use crate::db::{Connections, Db, DbError, ErrorClass, TransactionError, statement, transaction};

statement! {
    // An id that was never assigned, or was lost in a crash, has no status. Assigning a new id detects it: all assigned ids
    // are smaller. A snapshot's xmax does not: it follows the last completed id and ignores those still in progress.
    TransactionStatus<'a> { xid: &'a i64 } -> (Nullable<Text>);
    "SELECT CASE WHEN s.xid < pg_current_xact_id() THEN pg_xact_status(s.xid) ELSE 'aborted' END
       FROM (SELECT (" [xid: BigInt] "::bigint)::text::xid8 AS xid) s"
}

statement! {
    // After a crash an id whose commit never reached the disk is assigned again, and so is the message's position, possibly
    // to the same sender; but never with the same time.
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

/// Maximum time to probe for the outcome of a transaction whose reply was lost.
const MAX_PROBE_TIME: Duration = Duration::from_secs(10);

/// Stores the accepted ones of `drafts` in one transaction.
pub(super) fn store(
    connections: &Connections,
    drafts: &[Draft],
    locking: Locking,
) -> Result<Vec<Option<SendOutcome>>, StoreError> {
    let mut connection = connections.take().map_err(StoreError::Unavailable)?;
    match transaction(connection.inner(), |connection| append(connection, drafts, locking)) {
        Ok(appended) => Ok(appended.outcomes),
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

/// Finds out whether a transaction was committed after the reply to COMMIT was lost. A blind retry would duplicate messages
/// without a key.
fn resolve(
    connections: &Connections,
    appended: Appended,
    error: DbError,
) -> Result<Vec<Option<SendOutcome>>, StoreError> {
    let Some(probe) = appended.probe else { return Ok(appended.outcomes) };
    tracing::warn!(%error, "reply to COMMIT lost; probing whether it committed");
    let deadline = Instant::now() + MAX_PROBE_TIME;
    while Instant::now() < deadline {
        match probe_commit(connections, &probe) {
            Some(true) => return Ok(appended.outcomes),
            Some(false) => return Err(StoreError::Retry(error)),
            // The transaction is still in progress, or the database is unreachable.
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Err(StoreError::Unavailable(PortError::unavailable(Db::RETRY_AFTER, error)))
}

/// Whether the transaction was committed; `None` while unknown.
fn probe_commit(connections: &Connections, probe: &CommitProbe) -> Option<bool> {
    let mut connection = connections.take().ok()?;
    match status(connection.inner(), probe) {
        Ok(status) => status,
        Err(error) => {
            if connections.classify(&DbError::from(error)) == ErrorClass::ConnectionLost {
                connections.lost(connection);
            }
            None
        }
    }
}

fn status(connection: &mut PgConnection, probe: &CommitProbe) -> QueryResult<Option<bool>> {
    let (status,) = TransactionStatus { xid: &probe.xid }.get_result::<(Option<String>,)>(connection)?;
    match status.as_deref() {
        None | Some("in progress") => Ok(None),
        // A separate statement: a snapshot taken before the end of the transaction would not show the message.
        Some("committed") => {
            let query = MessageExists {
                conversation: probe.message.conversation.as_uuid(),
                seq: probe.message.seq.get(),
                sender: &probe.sender.as_uuid(),
                created_at: probe.created_at,
            };
            let (exists,) = query.get_result::<(bool,)>(connection)?;
            Ok(Some(exists))
        }
        Some(_) => Ok(Some(false)),
    }
}

#[cfg(test)]
mod tests {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    use domain::id::{ConversationId, UserId};
    use domain::message::{MessageId, Seq};
    use test_db::{Template, TestDatabase};

    use super::*;

    statement! {
        Stored<'a> { conversation: &'a Uuid } -> (BigInt, Timestamptz);
        "WITH stored AS (INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
                         VALUES (" [conversation: SqlUuid] ", 1, " [conversation: SqlUuid] ", 1, 'x', clock_timestamp())
                      RETURNING created_at)
         SELECT pg_current_xact_id()::text::bigint, created_at FROM stored"
    }

    fn connections() -> (TestDatabase, PgConnection, PgConnection) {
        let migrate = |url: &str| {
            let _ = crate::migrations::run(url, Duration::from_secs(60)).unwrap();
        };
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let database = TestDatabase::create(&Template::of_migrations(folder.as_ref(), migrate));
        let connect = || PgConnection::establish(database.url()).unwrap();
        let (one, other) = (connect(), connect());
        (database, one, other)
    }

    /// Stores a message in the open transaction, or else in an implicit one.
    fn store_one(connection: &mut PgConnection) -> CommitProbe {
        let id = Uuid::from_u128(1);
        let (xid, created_at) = Stored { conversation: &id }.get_result(connection).unwrap();
        let message = MessageId { conversation: ConversationId::from_uuid(id), seq: Seq::new(1) };
        CommitProbe { xid, message, sender: UserId::from_uuid(id), created_at }
    }

    #[test]
    fn a_transaction_in_progress_has_no_outcome_yet() {
        let (_database, mut writer, mut prober) = connections();
        writer.batch_execute("BEGIN").unwrap();
        let probe = store_one(&mut writer);
        assert_eq!(status(&mut prober, &probe).unwrap(), None);
        writer.batch_execute("COMMIT").unwrap();
        assert_eq!(status(&mut prober, &probe).unwrap(), Some(true));
    }

    #[test]
    fn a_rolled_back_or_unassigned_transaction_is_not_committed() {
        let (_database, mut writer, mut prober) = connections();
        writer.batch_execute("BEGIN").unwrap();
        let probe = store_one(&mut writer);
        writer.batch_execute("ROLLBACK").unwrap();
        assert_eq!(status(&mut prober, &probe).unwrap(), Some(false));
        let unassigned = CommitProbe { xid: probe.xid + 1_000_000, ..probe };
        assert_eq!(status(&mut prober, &unassigned).unwrap(), Some(false));
    }

    #[test]
    fn a_reused_transaction_id_and_position_do_not_count_as_committed() {
        let (_database, mut writer, mut prober) = connections();
        let probe = store_one(&mut writer);
        assert_eq!(status(&mut prober, &probe).unwrap(), Some(true));
        let lost = CommitProbe { created_at: probe.created_at - chrono::TimeDelta::microseconds(1), ..probe };
        assert_eq!(status(&mut prober, &lost).unwrap(), Some(false));
    }
}
