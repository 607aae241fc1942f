//! What database work fails with, and the reaction to it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::error::InvalidValue;

/// An error of database work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The query failed.
    #[error(transparent)]
    Query(#[from] DieselError),
    /// A row holds a value that the domain rejects.
    #[error("{table} {key}: {column}: {source}")]
    Stored {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The column.
        column: &'static str,
        /// The rule that the value breaks.
        source: InvalidValue,
    },
    /// A row holds an unknown enum word.
    #[error("{table} {key}: {column} holds the unknown word {word:?}")]
    UnknownWord {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The column.
        column: &'static str,
        /// The word.
        word: String,
    },
    /// The operating system returned no random bytes.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// The work panicked.
    #[error("database work panicked")]
    Panicked,
    /// The work exceeded its time limit.
    #[error("{0}")]
    Overdue(&'static str),
    /// The database accepts no writes, as a standby does.
    #[error("the database is read-only")]
    ReadOnly,
    /// COMMIT was answered by an error that does not prove a rollback.
    #[error("the outcome of the transaction is unknown: {0}")]
    OutcomeUnknown(Box<DbError>),
    /// A statement returned what its text rules out.
    #[error("{0}")]
    Impossible(&'static str),
}

impl DbError {
    /// Reports the row and the column of a stored value that the domain rejects.
    #[expect(clippy::needless_pass_by_value, reason = "keys are small and copied")]
    pub(crate) fn stored(
        table: &'static str,
        column: &'static str,
        key: impl ToString,
    ) -> impl FnOnce(InvalidValue) -> Self {
        let key = key.to_string();
        move |source| Self::Stored { table, key, column, source }
    }

    /// The reaction that the error calls for.
    pub(crate) fn class(&self) -> ErrorClass {
        let error = match self {
            Self::Query(error) => error,
            Self::Overdue(_) => return ErrorClass::Busy,
            Self::ReadOnly | Self::OutcomeUnknown(_) => return ErrorClass::ConnectionLost,
            _ => return ErrorClass::Bug,
        };
        match error {
            DieselError::BrokenTransactionManager => ErrorClass::ConnectionLost,
            DieselError::RollbackErrorOnCommit { rollback_error, commit_error } => {
                let worst = [rollback_error, commit_error]
                    .into_iter()
                    .any(|error| matches!(class_of_query_error(error), ErrorClass::ConnectionLost));
                if worst { ErrorClass::ConnectionLost } else { class_of_query_error(commit_error) }
            }
            other => class_of_query_error(other),
        }
    }
}

/// The reaction that an error calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// The database rolled the transaction back to resolve a conflict: run it again.
    RolledBack,
    /// The connection is lost, or leads to a standby: discard it.
    ConnectionLost,
    /// The database is short of time or space: the client retries later.
    Busy,
    /// A retry would fail again: an internal error.
    Bug,
}

impl ErrorClass {
    /// The value of the metric's `kind` label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RolledBack => "rolled_back",
            Self::ConnectionLost => "connection_lost",
            Self::Busy => "busy",
            Self::Bug => "bug",
        }
    }
}

fn class_of_query_error(error: &DieselError) -> ErrorClass {
    let DieselError::DatabaseError(kind, information) = error else { return ErrorClass::Bug };
    match kind {
        // A connection to a server that accepts no writes is as good as lost: another one may lead to the primary.
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ReadOnlyTransaction => ErrorClass::ConnectionLost,
        DatabaseErrorKind::SerializationFailure => ErrorClass::RolledBack,
        DatabaseErrorKind::Unknown => class_by_message(information.message()),
        _ => ErrorClass::Bug,
    }
}

/// Diesel drops the SQLSTATE of these errors, so the English message text must do. `lc_messages` must be English; the
/// server warns at start-up if it is not.
fn class_by_message(message: &str) -> ErrorClass {
    const BUSY: &[&str] = &[
        "canceling statement due to",
        "could not obtain lock",
        "out of shared memory",
        "could not resize shared memory",
        "No space left on device",
        "too many connections",
    ];
    const LOST: &[&str] = &[
        "terminating connection",
        "the database system is",
        "server closed the connection",
        "could not receive data",
        "no connection to the server",
    ];
    if message.contains("deadlock detected") {
        ErrorClass::RolledBack
    } else if LOST.iter().any(|part| message.contains(part)) {
        ErrorClass::ConnectionLost
    } else if BUSY.iter().any(|part| message.contains(part)) {
        ErrorClass::Busy
    } else {
        ErrorClass::Bug
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use domain::account::Uid;

    use super::*;

    #[test]
    fn an_invalid_stored_value_is_reported_with_its_row_and_column() {
        let error = Uid::parse("!").map_err(DbError::stored("users", "uid", 7)).unwrap_err();
        assert!(error.to_string().starts_with("users 7: uid: it must be 6 to 20"), "{error}");
        assert!(error.source().is_some());
        assert_eq!(error.class(), ErrorClass::Bug);
    }
}
