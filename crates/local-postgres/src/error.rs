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
    /// The data folder had a cluster, and it is gone.
    #[error(
        "the data folder {requested} had its cluster in {home}, and it is not there: put it back, or move {requested} away to \
         begin with an empty one"
    )]
    Missing {
        /// The data folder.
        requested: PathBuf,
        /// The folder that the cluster is missing from.
        home: PathBuf,
    },
    /// The cluster is there, and the user that runs it cannot enter a folder above it.
    #[error(
        "the user postgres cannot enter {folder}, so the cluster in {home} cannot run: allow it (chmod o+x {folder}), or move \
         the data folder out of it"
    )]
    Unreachable {
        /// The cluster's folder.
        home: PathBuf,
        /// The folder above it that is closed.
        folder: PathBuf,
    },
    /// The cluster is not the one that the data folder had.
    #[error(
        "the cluster in {home} is not the one that the data folder had (system identifier {found}, not {expected}): put the \
         right one back, or remove {note} to use this one"
    )]
    AnotherCluster {
        /// The cluster's folder.
        home: PathBuf,
        /// The note that names the other cluster.
        note: PathBuf,
        /// The identifier of the cluster that is there.
        found: u64,
        /// The identifier in the note.
        expected: u64,
    },
    /// Two clusters may be the folder's, and nothing says which.
    #[error(
        "there is a cluster in {here} and one in {elsewhere}, and nothing says which one is in use: move away the one that is not"
    )]
    TwoClusters {
        /// The data folder.
        here: PathBuf,
        /// The cluster's folder outside it.
        elsewhere: PathBuf,
    },
    /// The cluster belonged to a data folder that lost its note, or was replaced.
    #[error(
        "{home} has the cluster of a data folder that was at {requested} before: put that folder's files back, or move {home} \
         away to begin with an empty one"
    )]
    LostNote {
        /// The data folder.
        requested: PathBuf,
        /// The cluster's folder.
        home: PathBuf,
    },
    /// The note about the cluster cannot be understood.
    #[error(
        "{0} is damaged: restore it from a backup of the data folder, or remove it if the folder was never moved"
    )]
    BrokenNote(PathBuf),
    /// The file does not belong to the cluster.
    #[error(
        "{companion} does not belong to the cluster in {home}: put the file back that was used with it; if it was replaced on \
         purpose, remove the line that begins with companion= from {note}"
    )]
    ForeignCompanion {
        /// The file.
        companion: PathBuf,
        /// The cluster's folder.
        home: PathBuf,
        /// The note with the expected fingerprint.
        note: PathBuf,
    },
    /// Files are where the cluster belongs, and they are no complete cluster. They are left alone.
    #[error(
        "{0} has files but no PG_VERSION, so it is no complete cluster: restore it from a backup, or move it away"
    )]
    NotACluster(PathBuf),
    /// A file or a folder of the cluster is a symbolic link.
    #[error(
        "{0} is a symbolic link, and links are not followed there: put the file or folder itself in its place, or set the data folder to the link's target"
    )]
    Link(PathBuf),
    /// Another user owns a folder of the cluster.
    #[error(
        "the folder {0} belongs to another user: remove it, or chown it to the user that runs PostgreSQL"
    )]
    ForeignFolder(PathBuf),
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
        move |source| {
            let is_link = source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
            if is_link { Self::Link(path) } else { Self::Io { what, path, source } }
        }
    }
}
