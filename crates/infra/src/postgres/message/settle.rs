//! One transaction of the send path, from its first lock to a certain end.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use domain::error::RepositoryError;
use domain::message::{Draft, Outcome};
use uuid::Uuid;

use super::append::{Appended, Locking, Proof, append};
use crate::db::{Connections, Db, DbError, Unfinished, Verdict, statement, transaction};

statement! {
    // The status alone is no proof: after a crash a transaction id whose commit never reached the disk is given again.
    Status<'a> { xid: i64, conversation: Uuid, seq: i64, sender: &'a Uuid } -> (Nullable<Text>, Bool);
    "SELECT CASE WHEN s.xid < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status(s.xid) ELSE 'aborted' END,
            EXISTS (SELECT FROM messages m WHERE m.conversation_id = " [conversation: SqlUuid]
                  " AND m.seq = " [seq: BigInt] " AND m.sender_id = " [sender: SqlUuid] ")
       FROM (SELECT (" [xid: BigInt] "::bigint)::text::xid8 AS xid) s"
}

/// Why a batch has no outcomes.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was stored; another try may do better, at once.
    TryAgain(DbError),
    /// Nothing was stored, and one of the drafts may be to blame.
    Poisoned(DbError),
    /// The database is away or too busy, or it is not known what was stored.
    Hopeless(RepositoryError),
}

impl Failure {
    /// What the senders are told.
    pub(super) fn into_error(self) -> RepositoryError {
        match self {
            Self::TryAgain(error) => RepositoryError::unavailable(Db::RETRY_AFTER, error),
            Self::Poisoned(error) => RepositoryError::internal(error),
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
) -> Result<Vec<Option<Outcome>>, Failure> {
    let mut connection = connections.take().map_err(Failure::Hopeless)?;
    match transaction(connection.inner(), |connection| append(connection, drafts, locking)) {
        Ok(appended) => Ok(appended.outcomes),
        Err(Unfinished::RolledBack(error)) => Err(match error.verdict() {
            Verdict::ConnectionLost => {
                connections.lost(connection);
                Failure::TryAgain(error)
            }
            Verdict::RolledBack => Failure::TryAgain(error),
            Verdict::Busy => Failure::Hopeless(RepositoryError::unavailable(Db::RETRY_AFTER, error)),
            Verdict::Bug => Failure::Poisoned(error),
        }),
        Err(Unfinished::InDoubt { value, error }) => {
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
) -> Result<Vec<Option<Outcome>>, Failure> {
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
    Err(Failure::Hopeless(RepositoryError::unavailable(Db::RETRY_AFTER, error)))
}

/// Whether the transaction was committed; none while that cannot be told.
fn committed(connections: &Connections, proof: &Proof) -> Option<bool> {
    let mut connection = connections.take().ok()?;
    let asked = Status {
        xid: proof.xid,
        conversation: proof.message.conversation.as_uuid(),
        seq: proof.message.seq.get(),
        sender: &proof.sender.as_uuid(),
    };
    match asked.get_result::<(Option<String>, bool)>(connection.inner()) {
        Ok((Some(status), _)) if status == "in progress" => None,
        Ok((Some(status), is_there)) => Some(status == "committed" && is_there),
        Ok((None, _)) => None,
        Err(error) => {
            if DbError::from(error).verdict() == Verdict::ConnectionLost {
                connections.lost(connection);
            }
            None
        }
    }
}
