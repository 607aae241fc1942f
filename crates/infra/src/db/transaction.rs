//! Transactions that distinguish "rolled back" from "outcome unknown" when the reply to COMMIT is lost or unclear.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::PgConnection;
use diesel::connection::AnsiTransactionManager as Manager;
use diesel::connection::TransactionManager;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::{DbError, ErrorClass};
use crate::runtime::watched_thread;

/// Why a transaction returned no result.
#[derive(Debug)]
pub(crate) enum TransactionError<T> {
    /// COMMIT was not sent, or the server refused it: nothing was stored.
    RolledBack(DbError),
    /// COMMIT was sent and its reply was lost or leaves the outcome open: `value` may or may not be stored.
    InDoubt {
        /// What the transaction would have returned.
        value: T,
        /// The reply, or how the connection was lost.
        error: DbError,
    },
}

/// Begins a transaction whose statements may wait for locks, which a plain read never does: its time limit is that of
/// `pool.rs`. Both are one message, so that the limit costs no round trip.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = '5s'";

/// As [`BEGIN`], for a transaction that joins arrays of a whole batch with each other: without a hash join that is the square of
/// the batch's size.
const BEGIN_BATCH: &str = "BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL enable_hashjoin = on";

/// As [`transaction`], where an unknown outcome is an error that the client may answer by a retry, as after a lost connection.
pub(crate) fn in_transaction<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    transaction(connection, work).map_err(|error| match error {
        TransactionError::RolledBack(error) => error,
        TransactionError::InDoubt { error, .. } => match error.class() {
            ErrorClass::Bug => DbError::OutcomeUnknown(Box::new(error)),
            _ => error,
        },
    })
}

/// Runs `work` in a transaction. A panic in `work` counts as an error before COMMIT.
pub(crate) fn transaction<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, TransactionError<T>> {
    run(connection, BEGIN, work)
}

/// As [`transaction`], for statements that join arrays of a whole batch.
pub(crate) fn batch_transaction<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, TransactionError<T>> {
    run(connection, BEGIN_BATCH, work)
}

fn run<T>(
    connection: &mut PgConnection,
    begin: &str,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, TransactionError<T>> {
    let rolled_back = |error: diesel::result::Error| TransactionError::RolledBack(error.into());
    Manager::begin_transaction_sql(connection, begin).map_err(rolled_back)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut *connection))).unwrap_or(Err(DbError::Panicked));
    let value = match outcome {
        Ok(value) => value,
        Err(error) => {
            // A connection that cannot roll back is lost, and the server rolls back.
            let lost = Manager::rollback_transaction(connection).map_err(DbError::from).err();
            let lost = lost.filter(|lost| lost.class() == ErrorClass::ConnectionLost);
            return Err(TransactionError::RolledBack(lost.unwrap_or(error)));
        }
    };
    if watched_thread::is_given_up() {
        // Its callers have got an answer already, and may have tried again.
        let _ = Manager::rollback_transaction(connection);
        return Err(TransactionError::RolledBack(DbError::Overdue("a transaction stood still")));
    }
    match Manager::commit_transaction(connection) {
        Ok(()) => Ok(value),
        Err(error) => {
            let rolled_back = rolls_back(&error);
            let error = DbError::from(error);
            Err(if rolled_back {
                TransactionError::RolledBack(error)
            } else {
                TransactionError::InDoubt { value, error }
            })
        }
    }
}

/// Whether a reply to COMMIT proves that nothing was stored: a constraint or a conflict refused it. Any other error may be that of a
/// proxy, of a wait for a standby, or of a connection that ended afterwards.
fn rolls_back(error: &DieselError) -> bool {
    match error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => rolls_back(commit_error),
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, reply) => {
            reply.message().contains("deadlock detected")
        }
        DieselError::DatabaseError(kind, _) => matches!(
            kind,
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::SerializationFailure
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    use test_db::{Template, TestDatabase};

    use super::*;

    #[test]
    fn a_panic_or_error_stores_nothing_and_keeps_the_connection_usable() {
        let database = TestDatabase::create(&Template { key: "bare".to_owned(), prepare: |_| () });
        let mut connection = PgConnection::establish(database.url()).unwrap();
        connection.batch_execute("CREATE TABLE t (n int UNIQUE)").unwrap();
        let panicked = transaction(&mut connection, |connection| -> Result<(), DbError> {
            connection.batch_execute("INSERT INTO t VALUES (1)")?;
            panic!("on purpose")
        });
        assert!(matches!(panicked, Err(TransactionError::RolledBack(DbError::Panicked))));
        let refused = transaction(&mut connection, |connection| {
            Ok(connection.batch_execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)")?)
        });
        assert!(matches!(refused, Err(TransactionError::RolledBack(DbError::Query(_)))));
        let stored = transaction(&mut connection, |connection| {
            Ok(connection.batch_execute("INSERT INTO t VALUES (1)")?)
        });
        assert!(stored.is_ok());
    }
}
