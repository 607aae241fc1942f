//! One transaction of the send path, from its first lock to a certain end.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::error::PortError;
use domain::message::{Draft, SendOutcome};
use uuid::Uuid;

use super::append::{Appended, Locking, Proof, append};
use crate::db::{Connections, Db, DbError, Unfinished, Verdict, statement, transaction};

statement! {
    // An id that was never given out, or was forgotten in a crash, has no status. It is told by taking one: those given out
    // are smaller. A snapshot does not tell it, because what it calls the end is the last id that is over and not the last
    // that is under way.
    Status<'a> { xid: &'a i64 } -> (Nullable<Text>);
    "SELECT CASE WHEN s.xid < pg_current_xact_id() THEN pg_xact_status(s.xid) ELSE 'aborted' END
       FROM (SELECT (" [xid: BigInt] "::bigint)::text::xid8 AS xid) s"
}

statement! {
    // After a crash a transaction id whose commit never reached the disk is given again, and so is the place, perhaps to the
    // same sender; but not the time.
    IsThere<'a> { conversation: Uuid, seq: i64, sender: &'a Uuid, created_at: DateTime<Utc> } -> (Bool);
    "SELECT EXISTS (SELECT FROM messages m WHERE m.conversation_id = " [conversation: SqlUuid]
          " AND m.seq = " [seq: BigInt] " AND m.sender_id = " [sender: SqlUuid]
          " AND m.created_at = " [created_at: Timestamptz] ")"
}

/// Why a batch has no outcomes.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was stored; another try may do better, at once.
    TryAgain(DbError),
    /// Nothing was stored, and one of the drafts may be to blame.
    Poisoned(DbError),
    /// The database is away or too busy, or it is not known what was stored.
    Hopeless(PortError),
}

impl Failure {
    /// What the senders are told.
    pub(super) fn into_error(self) -> PortError {
        match self {
            Self::TryAgain(error) => PortError::unavailable(Db::RETRY_AFTER, error),
            Self::Poisoned(error) => PortError::internal(error),
            Self::Hopeless(error) => error,
        }
    }
}

/// How long the end of a transaction whose answer was lost is asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stores what may be stored of `drafts`, in one transaction.
pub(super) fn store(
    connections: &Connections,
    drafts: &[Draft],
    locking: Locking,
) -> Result<Vec<Option<SendOutcome>>, Failure> {
    let mut connection = connections.take().map_err(Failure::Hopeless)?;
    match transaction(connection.inner(), |connection| append(connection, drafts, locking)) {
        Ok(appended) => Ok(appended.outcomes),
        Err(Unfinished::RolledBack(error)) => Err(match connections.judge(&error) {
            Verdict::ConnectionLost => {
                connections.lost(connection);
                Failure::TryAgain(error)
            }
            Verdict::RolledBack => Failure::TryAgain(error),
            Verdict::Busy => Failure::Hopeless(PortError::unavailable(Db::RETRY_AFTER, error)),
            Verdict::Bug => Failure::Poisoned(error),
        }),
        Err(Unfinished::InDoubt { value, error }) => {
            connections.judge(&error);
            connections.lost(connection);
            settle(connections, value, error)
        }
    }
}

/// Finds out whether a transaction was committed whose answer to COMMIT was lost. It is never simply tried again: messages
/// without a key would double.
fn settle(
    connections: &Connections,
    appended: Appended,
    error: DbError,
) -> Result<Vec<Option<SendOutcome>>, Failure> {
    let Some(proof) = appended.proof else { return Ok(appended.outcomes) };
    tracing::warn!(%error, "the answer to a COMMIT was lost; asking what became of it");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match committed(connections, &proof) {
            Some(true) => return Ok(appended.outcomes),
            Some(false) => return Err(Failure::TryAgain(error)),
            // It is not over yet, or the database is not back.
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Err(Failure::Hopeless(PortError::unavailable(Db::RETRY_AFTER, error)))
}

/// Whether the transaction was committed; none while that cannot be told.
fn committed(connections: &Connections, proof: &Proof) -> Option<bool> {
    let mut connection = connections.take().ok()?;
    match status(connection.inner(), proof) {
        Ok(status) => status,
        Err(error) => {
            if connections.judge(&DbError::from(error)) == Verdict::ConnectionLost {
                connections.lost(connection);
            }
            None
        }
    }
}

fn status(connection: &mut PgConnection, proof: &Proof) -> QueryResult<Option<bool>> {
    let (status,) = Status { xid: &proof.xid }.get_result::<(Option<String>,)>(connection)?;
    match status.as_deref() {
        None | Some("in progress") => Ok(None),
        // Asked by a statement of its own: a snapshot from before the end of the transaction would not show the message.
        Some("committed") => {
            let asked = IsThere {
                conversation: proof.message.conversation.as_uuid(),
                seq: proof.message.seq.get(),
                sender: &proof.sender.as_uuid(),
                created_at: proof.created_at,
            };
            let (is_there,) = asked.get_result::<(bool,)>(connection)?;
            Ok(Some(is_there))
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

    /// Stores a message in the transaction that is open, or in one of its own.
    fn store_one(connection: &mut PgConnection) -> Proof {
        let id = Uuid::from_u128(1);
        let (xid, created_at) = Stored { conversation: &id }.get_result(connection).unwrap();
        let message = MessageId { conversation: ConversationId::from_uuid(id), seq: Seq::new(1) };
        Proof { xid, message, sender: UserId::from_uuid(id), created_at }
    }

    #[test]
    fn a_transaction_under_way_is_neither_committed_nor_given_up() {
        let (_database, mut writer, mut asker) = connections();
        writer.batch_execute("BEGIN").unwrap();
        let proof = store_one(&mut writer);
        assert_eq!(status(&mut asker, &proof).unwrap(), None);
        writer.batch_execute("COMMIT").unwrap();
        assert_eq!(status(&mut asker, &proof).unwrap(), Some(true));
    }

    #[test]
    fn one_that_was_rolled_back_or_never_began_stored_nothing() {
        let (_database, mut writer, mut asker) = connections();
        writer.batch_execute("BEGIN").unwrap();
        let proof = store_one(&mut writer);
        writer.batch_execute("ROLLBACK").unwrap();
        assert_eq!(status(&mut asker, &proof).unwrap(), Some(false));
        let never = Proof { xid: proof.xid + 1_000_000, ..proof };
        assert_eq!(status(&mut asker, &never).unwrap(), Some(false));
    }

    #[test]
    fn another_transaction_that_was_given_the_same_id_and_place_is_no_proof() {
        let (_database, mut writer, mut asker) = connections();
        let proof = store_one(&mut writer);
        assert_eq!(status(&mut asker, &proof).unwrap(), Some(true));
        let forgotten = Proof { created_at: proof.created_at - chrono::TimeDelta::microseconds(1), ..proof };
        assert_eq!(status(&mut asker, &forgotten).unwrap(), Some(false));
    }
}
