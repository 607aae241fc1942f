//! A running cluster and its life cycle.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::Signal;

use crate::error::Error;
use crate::installation::Installation;
use crate::lock::FolderLock;
use crate::log_rotation::{self, LogLimits};
use crate::note::{self, ClusterNote};
use crate::options::{ClusterOptions, PORT, SUPERUSER};
use crate::owner::Owner;
use crate::paths::ClusterPaths;
use crate::process::Postmaster;
use crate::program::{child, run};

/// What a data folder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// It never had a cluster.
    Absent,
    /// A cluster that no file is bound to.
    Unbound,
    /// A cluster with the file that [`Cluster::bind`] named.
    Bound,
}

/// A running cluster. Dropping it stops the cluster, unless [`Cluster::leave_running`] was called.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) installation: Installation,
    pub(crate) owner: Owner,
    pub(crate) paths: ClusterPaths,
    pub(crate) arguments: Vec<String>,
    pub(crate) durable: bool,
    stop_on_drop: AtomicBool,
    /// The postmaster that this value started. It is waited for after its death, or it would stay a zombie.
    pub(crate) child: Mutex<Option<Child>>,
    /// `None` when another process runs the cluster.
    _lock: Option<FolderLock>,
}

/// What a [`Cluster`] is built from besides its options.
struct Location {
    owner: Owner,
    paths: ClusterPaths,
    lock: Option<FolderLock>,
}

const STOP_TIMEOUT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Creates the cluster if it does not exist, adopts it if it runs, and starts it otherwise.
    ///
    /// # Errors
    /// See [`Error`]; the message includes PostgreSQL's own output.
    #[expect(clippy::needless_pass_by_value, reason = "the cluster takes the options over")]
    pub fn start(installation: &Installation, options: ClusterOptions) -> Result<Self, Error> {
        Self::start_with(installation, &options, Self::create_if_missing)
    }

    /// As [`Self::start`]; `create` makes the data directory if it is missing.
    pub(crate) fn start_with(
        installation: &Installation,
        options: &ClusterOptions,
        create: impl FnOnce(&Self) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let owner = Owner::find()?;
        let paths = ClusterPaths::create(&options.data_dir, owner)?;
        let lock = FolderLock::take(&paths.home)?;
        let cluster = Self::new(installation, options, Location { owner, paths, lock: Some(lock) });
        create(&cluster)?;
        cluster.check_version()?;
        cluster.write_note()?;
        cluster.adopt_or_launch()?;
        cluster.stop_on_drop.store(true, Ordering::Release);
        Ok(cluster)
    }

    /// What a data folder has. Changes nothing.
    ///
    /// # Errors
    /// When it had a cluster that is missing, unreachable or another one; see [`Error`].
    pub fn state(data_dir: &Path) -> Result<ClusterState, Error> {
        let Some(paths) = ClusterPaths::find(data_dir, Owner::find()?)? else {
            return Ok(ClusterState::Absent);
        };
        let note = ClusterNote::read(&paths.requested)?;
        Ok(note.and_then(|note| note.companion).map_or(ClusterState::Unbound, |_| ClusterState::Bound))
    }

    /// Binds a file to the cluster, such as a key that its data is used with: at the first call the file's fingerprint is
    /// noted, later it must be the same.
    ///
    /// # Errors
    /// [`Error::ForeignCompanion`], [`Error::Io`].
    pub fn bind(&self, companion: &Path, fingerprint: &str) -> Result<(), Error> {
        let requested = &self.paths.requested;
        let Some(note) = ClusterNote::read(requested)? else { return Ok(()) };
        match &note.companion {
            Some(known) if known == fingerprint => Ok(()),
            Some(_) => Err(Error::ForeignCompanion {
                companion: companion.to_owned(),
                home: self.paths.home.clone(),
                note: ClusterNote::path(requested),
            }),
            None => ClusterNote { companion: Some(fingerprint.to_owned()), ..note }.write(requested),
        }
    }

    /// Writes the note of a new cluster, or of one of an earlier release.
    fn write_note(&self) -> Result<(), Error> {
        let paths = &self.paths;
        if ClusterNote::read(&paths.requested)?.is_some() {
            return Ok(());
        }
        let home = paths.relocated.then(|| paths.home.clone());
        let identifier = note::system_identifier(&paths.data)?;
        ClusterNote { home, identifier, companion: None }.write(&paths.requested)
    }

    /// Attaches to an existing cluster and leaves it as it was found. A cluster that another process runs is only connected
    /// to; one that does not run is started, and stopped when this value is dropped. Returns `None`, and creates nothing, if
    /// there is no cluster.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn attach(installation: &Installation, options: &ClusterOptions) -> Result<Option<Self>, Error> {
        let owner = Owner::find()?;
        let Some(paths) = ClusterPaths::find(&options.data_dir, owner)? else { return Ok(None) };
        let lock = match FolderLock::take(&paths.home) {
            Ok(lock) => Some(lock),
            Err(Error::InUse(_)) => None,
            Err(error) => return Err(error),
        };
        let is_exclusive = lock.is_some();
        let cluster = Self::new(installation, options, Location { owner, paths, lock });
        cluster.check_version()?;
        if is_exclusive {
            cluster.paths.make_socket_folder(owner)?;
            let was_running = cluster.is_running();
            cluster.adopt_or_launch()?;
            cluster.stop_on_drop.store(!was_running, Ordering::Release);
        } else {
            cluster.wait_until_ready()?;
        }
        Ok(Some(cluster))
    }

    fn new(installation: &Installation, options: &ClusterOptions, location: Location) -> Self {
        let Location { owner, paths, lock } = location;
        Self {
            installation: installation.clone(),
            owner,
            arguments: options.arguments(&paths.socket),
            paths,
            durable: options.durable,
            stop_on_drop: AtomicBool::new(false),
            child: Mutex::new(None),
            _lock: lock,
        }
    }

    /// The folder that the cluster is in.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.paths.home
    }

    /// Whether the cluster is in another folder than requested, because the user `postgres` cannot reach that one.
    #[must_use]
    pub const fn relocated(&self) -> bool {
        self.paths.relocated
    }

    /// The libpq URL of one of the cluster's databases, for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_for(database, SUPERUSER)
    }

    pub(crate) fn url_for(&self, database: &str, user: &str) -> String {
        let host = percent_encoded(self.paths.socket.as_os_str().as_encoded_bytes());
        format!("postgresql:///{}?host={host}&port={PORT}&user={user}", percent_encoded(database.as_bytes()))
    }

    /// Creates a database if it does not exist.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn ensure_database(&self, name: &str) -> Result<(), Error> {
        let quoted = name.replace('\'', "''");
        let found =
            self.execute_sql("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{quoted}'"))?;
        if found.trim().is_empty() {
            self.execute_sql("postgres", &format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")))?;
        }
        Ok(())
    }

    /// Runs SQL with `psql` and returns its output, without headers and alignment.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn execute_sql(&self, database: &str, sql: &str) -> Result<String, Error> {
        let mut psql = child(self.installation.program("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        run("psql", &mut psql)
    }

    /// Rotates PostgreSQL's log if it is due. Returns whether it was.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn rotate_log(&self, limits: LogLimits) -> Result<bool, Error> {
        log_rotation::rotate(&self.paths.log, limits).map_err(Error::io("cannot rotate", &self.paths.log))
    }

    /// The process id of the running postmaster.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Postmaster::of(&self.paths.data).map(Postmaster::pid)
    }

    /// Whether the postmaster runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Keeps the cluster running when this value is dropped.
    pub fn leave_running(&self) {
        self.stop_on_drop.store(false, Ordering::Release);
    }

    /// Stops the cluster with a smart shutdown of at most a second, then with a fast and at last with an immediate one.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn stop(&self) -> Result<(), Error> {
        let Some(postmaster) = Postmaster::of(&self.paths.data) else { return Ok(()) };
        if postmaster.stop_within(STOP_TIMEOUT) { Ok(()) } else { Err(self.timed_out("stop", STOP_TIMEOUT)) }
    }

    /// Kills the postmaster, as a crash would. Its backends notice a moment later and exit.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn kill_postmaster(&self) -> Result<(), Error> {
        let Some(postmaster) = Postmaster::of(&self.paths.data) else { return Ok(()) };
        postmaster.signal(Signal::KILL);
        if postmaster.gone_within(STOP_TIMEOUT) { Ok(()) } else { Err(self.timed_out("die", STOP_TIMEOUT)) }
    }

    /// Stops the cluster if it runs, then starts it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    pub(crate) fn timed_out(&self, what: &'static str, limit: Duration) -> Error {
        Error::TimedOut { folder: self.paths.home.clone(), what, limit }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.stop_on_drop.load(Ordering::Acquire)
            && let Err(error) = self.stop()
        {
            tracing::error!(%error, "cluster cannot be stopped");
        }
    }
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
