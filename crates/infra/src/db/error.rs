use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::error::InvalidValue;

/// What a piece of database work may fail with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The query failed.
    #[error(transparent)]
    Query(#[from] DieselError),
    /// A row holds what the domain does not admit.
    #[error("{table} {key}: {source}")]
    Stored {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The column and what it should be.
        source: InvalidValue,
    },
    /// A row holds a word that nothing stands for.
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
    /// The work panicked.
    #[error("database work panicked")]
    Panicked,
    /// The work was given up, because it took longer than it may.
    #[error("{0}")]
    Overdue(&'static str),
    /// A statement answered what it cannot.
    #[error("{0}")]
    Impossible(&'static str),
}

impl DbError {
    /// Blames a row for a value that the domain does not admit.
    pub(crate) fn stored(table: &'static str, key: impl ToString) -> impl FnOnce(InvalidValue) -> Self {
        let key = key.to_string();
        move |source| Self::Stored { table, key, source }
    }

    /// What is to be done about the error.
    pub(crate) fn verdict(&self) -> Verdict {
        let error = match self {
            Self::Query(error) => error,
            Self::Overdue(_) => return Verdict::Busy,
            _ => return Verdict::Bug,
        };
        match error {
            DieselError::BrokenTransactionManager => Verdict::ConnectionLost,
            DieselError::RollbackErrorOnCommit { rollback_error, commit_error } => {
                let worst = [rollback_error, commit_error]
                    .into_iter()
                    .any(|error| matches!(query_verdict(error), Verdict::ConnectionLost));
                if worst { Verdict::ConnectionLost } else { query_verdict(commit_error) }
            }
            other => query_verdict(other),
        }
    }
}

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The database rolled the transaction back to break a tie; it may be tried again.
    RolledBack,
    /// The connection is of no more use.
    ConnectionLost,
    /// The database had no time or no room for it.
    Busy,
    /// Waiting does not mend it.
    Bug,
}

impl Verdict {
    /// What it is counted as.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RolledBack => "rolled_back",
            Self::ConnectionLost => "connection_lost",
            Self::Busy => "busy",
            Self::Bug => "bug",
        }
    }
}

fn query_verdict(error: &DieselError) -> Verdict {
    let DieselError::DatabaseError(kind, information) = error else { return Verdict::Bug };
    match kind {
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Verdict::ConnectionLost
        }
        DatabaseErrorKind::SerializationFailure => Verdict::RolledBack,
        DatabaseErrorKind::Unknown => by_message(information.message()),
        _ => Verdict::Bug,
    }
}

/// Diesel keeps no SQLSTATE, so that these are told apart by PostgreSQL's own words (`lc_messages` in English).
fn by_message(message: &str) -> Verdict {
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
        Verdict::RolledBack
    } else if LOST.iter().any(|words| message.contains(words)) {
        Verdict::ConnectionLost
    } else if BUSY.iter().any(|words| message.contains(words)) {
        Verdict::Busy
    } else {
        Verdict::Bug
    }
}
