use std::path::PathBuf;
use std::time::Duration;

/// Why there is no running cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server of a usable version was found.
    #[error(
        "no PostgreSQL server (version {} or newer) was found: install it (Debian, Ubuntu: apt-get install postgresql; \
         Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), name its folder of programs in PG_BIN, \
         or set DATABASE_URL to a database that runs elsewhere",
        crate::Installation::OLDEST_MAJOR
    )]
    NotInstalled,
    /// The folder's lock is held.
    #[error("the data folder {0} is in use by another server")]
    InUse(PathBuf),
    /// The folder was made by another major version.
    #[error(
        "the data folder {folder} was made by PostgreSQL {found}, but PostgreSQL {installed} is installed: name the programs \
         of version {found} in PG_BIN, or move the data with pg_upgrade"
    )]
    OtherVersion {
        /// The cluster.
        folder: PathBuf,
        /// The major version that made it.
        found: String,
        /// The installed one.
        installed: u32,
    },
    /// Root may not run PostgreSQL, and the account that should is not there.
    #[error("PostgreSQL refuses to run as root, and there is no user named postgres to run it as")]
    NoPostgresUser,
    /// The socket's folder belongs to somebody else.
    #[error("the folder {0} for the socket belongs to somebody else")]
    ForeignSocketFolder(PathBuf),
    /// A program of the installation failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Which.
        program: &'static str,
        /// The last of what it said.
        output: String,
    },
    /// Something did not happen in time.
    #[error("the cluster in {folder} did not {what} within {} seconds", .patience.as_secs())]
    TimedOut {
        /// The cluster.
        folder: PathBuf,
        /// What did not happen.
        what: &'static str,
        /// How long it had.
        patience: Duration,
    },
    /// The file system refused.
    #[error("{what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Names the path that the file system refused.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
