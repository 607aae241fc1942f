//! Transactions that distinguish "rolled back" from "outcome unknown" when the reply to COMMIT is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::PgConnection;
use diesel::connection::AnsiTransactionManager as Manager;
use diesel::connection::TransactionManager;

use super::{DbError, ErrorClass};

/// Why a transaction returned no result.
#[derive(Debug)]
pub(crate) enum TransactionError<T> {
    /// COMMIT was not sent, or the server refused it: nothing was stored.
    RolledBack(DbError),
    /// COMMIT was sent and its reply was lost: `value` may or may not be stored.
    InDoubt {
        /// What the transaction would have returned.
        value: T,
        /// How the connection was lost.
        error: DbError,
    },
}

/// Runs `work` in a transaction. A panic in `work` counts as an error before COMMIT.
pub(crate) fn transaction<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, TransactionError<T>> {
    let rolled_back = |error: diesel::result::Error| TransactionError::RolledBack(error.into());
    Manager::begin_transaction(connection).map_err(rolled_back)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut *connection))).unwrap_or(Err(DbError::Panicked));
    let value = match outcome {
        Ok(value) => value,
        Err(error) => {
            // A connection that cannot roll back is discarded, and the server rolls back.
            let _ = Manager::rollback_transaction(connection);
            return Err(TransactionError::RolledBack(error));
        }
    };
    match Manager::commit_transaction(connection) {
        Ok(()) => Ok(value),
        Err(error) => {
            let error = DbError::from(error);
            // An error that the server itself reported means that it did not commit.
            if error.class() == ErrorClass::ConnectionLost {
                Err(TransactionError::InDoubt { value, error })
            } else {
                Err(TransactionError::RolledBack(error))
            }
        }
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
