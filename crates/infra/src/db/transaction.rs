//! A transaction whose end is known even when the answer to its COMMIT is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::PgConnection;
use diesel::connection::AnsiTransactionManager as Manager;
use diesel::connection::TransactionManager;

use super::{DbError, Verdict};

/// Why a transaction has no result.
#[derive(Debug)]
pub(crate) enum Unfinished<T> {
    /// COMMIT was never sent: nothing was stored.
    RolledBack(DbError),
    /// COMMIT was sent and its answer was lost: whether `value` holds is not known.
    InDoubt {
        /// What the transaction would have returned.
        value: T,
        /// How the connection was lost.
        error: DbError,
    },
}

/// Runs `work` in a transaction and tells an error before COMMIT (a panic among them) from a lost answer to it.
pub(crate) fn transaction<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, Unfinished<T>> {
    let rolled_back = |error: diesel::result::Error| Unfinished::RolledBack(error.into());
    Manager::begin_transaction(connection).map_err(rolled_back)?;
    let worked = catch_unwind(AssertUnwindSafe(|| work(&mut *connection))).unwrap_or(Err(DbError::Panicked));
    let value = match worked {
        Ok(value) => value,
        Err(error) => {
            // A connection that cannot even roll back is discarded; the server does it then.
            let _ = Manager::rollback_transaction(connection);
            return Err(Unfinished::RolledBack(error));
        }
    };
    match Manager::commit_transaction(connection) {
        Ok(()) => Ok(value),
        Err(error) => {
            let error = DbError::from(error);
            // Whatever the server itself answered means that it did not commit.
            if error.verdict() == Verdict::ConnectionLost {
                Err(Unfinished::InDoubt { value, error })
            } else {
                Err(Unfinished::RolledBack(error))
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
    fn a_panic_and_an_error_store_nothing_and_leave_the_connection_usable() {
        let database = TestDatabase::create(&Template { key: "bare".to_owned(), prepare: |_| () });
        let mut connection = PgConnection::establish(database.url()).unwrap();
        connection.batch_execute("CREATE TABLE t (n int UNIQUE)").unwrap();
        let panicked = transaction(&mut connection, |connection| -> Result<(), DbError> {
            connection.batch_execute("INSERT INTO t VALUES (1)")?;
            panic!("on purpose")
        });
        assert!(matches!(panicked, Err(Unfinished::RolledBack(DbError::Panicked))));
        let refused = transaction(&mut connection, |connection| {
            Ok(connection.batch_execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)")?)
        });
        assert!(matches!(refused, Err(Unfinished::RolledBack(DbError::Query(_)))));
        let stored = transaction(&mut connection, |connection| {
            Ok(connection.batch_execute("INSERT INTO t VALUES (1)")?)
        });
        assert!(stored.is_ok());
    }
}
