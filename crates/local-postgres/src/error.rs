//! Errors of the embedded cluster.

use std::path::PathBuf;
use std::time::Duration;

/// Why a cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server of a supported version is installed.
    #[error(
        "no PostgreSQL server (version {} or newer) was found: install it (Debian, Ubuntu: apt-get install postgresql; \
         Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), set PG_BIN to the folder of its programs, \
         or set DATABASE_URL to an existing database",
        crate::Installation::OLDEST_MAJOR
    )]
    NotInstalled,
    /// Another process holds the lock of the folder.
    #[error("the data folder {0} is in use by another server")]
    InUse(PathBuf),
    /// Another major version created the folder.
    #[error(
        "the data folder {folder} was created by PostgreSQL {found}, but PostgreSQL {installed} is installed: set PG_BIN to \
         the programs of version {found}, or migrate the data with pg_upgrade"
    )]
    OtherVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// The major version that created it.
        found: String,
        /// The installed one.
        installed: u32,
    },
    /// Root cannot run PostgreSQL, and the user `postgres` does not exist.
    #[error(
        "PostgreSQL refuses to run as root, and there is no user postgres to run it as: create that user"
    )]
    NoPostgresUser,
    /// Another user owns the folder of the socket.
    #[error("the folder {0} for the socket belongs to another user")]
    ForeignSocketFolder(PathBuf),
    /// A program of the installation failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// The last lines of its output.
        output: String,
    },
    /// An operation exceeded its time limit.
    #[error("the cluster in {folder} did not {what} within {} seconds", .limit.as_secs())]
    TimedOut {
        /// The cluster's folder.
        folder: PathBuf,
        /// The verb that completes "did not …".
        what: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// A file operation failed.
    #[error("{what} {path}: {source}")]
    Io {
        /// The operation, as in "cannot open".
        what: &'static str,
        /// The path it was applied to.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl Error {
    /// Adds the operation and the path to an I/O error.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
