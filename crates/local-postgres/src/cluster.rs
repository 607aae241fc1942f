use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::launch::{arguments, percent_encoded, run};
use crate::lock::FolderLock;
use crate::owner::Owner;
use crate::place::Place;
use crate::process::Postmaster;
use crate::{Error, Installation, Supervisor};

/// How a cluster is to be run.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The folder that the cluster has for itself.
    pub data_dir: PathBuf,
    /// Whether what is committed must survive a crash. Only tests can do without.
    pub durable: bool,
    /// More of PostgreSQL's settings, by name and value.
    pub settings: Vec<(String, String)>,
}

/// A running private cluster. Dropping it stops it, unless [`Cluster::leave_running`] was called.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) installation: Installation,
    pub(crate) owner: Owner,
    pub(crate) place: Place,
    pub(crate) arguments: Vec<String>,
    pub(crate) durable: bool,
    stop_on_drop: AtomicBool,
    /// The postmaster that this value started, to be waited for when it has died: nobody else would.
    pub(crate) child: Mutex<Option<Child>>,
    /// None for a visitor of a cluster that somebody else runs.
    _lock: Option<FolderLock>,
}

pub(crate) const SUPERUSER: &str = "hongyan";
pub(crate) const PORT: &str = "5432";
const STOP_PATIENCE: Duration = Duration::from_secs(30);

impl Cluster {
    /// Makes the cluster if there is none, adopts it if it runs, and starts it otherwise.
    ///
    /// # Errors
    /// See [`Error`]; what PostgreSQL itself said is in the message.
    pub fn start(installation: &Installation, options: ClusterOptions) -> Result<Self, Error> {
        let owner = Owner::find()?;
        let place = Place::prepare(&options.data_dir, owner)?;
        let lock = FolderLock::take(&place.home)?;
        let cluster = Self::at(installation, &options, (owner, place), Some(lock));
        cluster.make_if_missing()?;
        cluster.check_version()?;
        cluster.adopt_or_launch()?;
        cluster.stop_on_drop.store(true, Ordering::Release);
        Ok(cluster)
    }

    /// Reaches a cluster for a while, whether it runs or not, and leaves it as it was found: one that somebody else runs is
    /// only connected to, one that does not run is started and stopped when this value is dropped. None if there is no
    /// cluster; nothing is made.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn visit(installation: &Installation, options: &ClusterOptions) -> Result<Option<Self>, Error> {
        let owner = Owner::find()?;
        let Some(place) = Place::find(&options.data_dir, owner)? else { return Ok(None) };
        let lock = match FolderLock::take(&place.home) {
            Ok(lock) => Some(lock),
            Err(Error::InUse(_)) => None,
            Err(error) => return Err(error),
        };
        let is_ours = lock.is_some();
        let cluster = Self::at(installation, options, (owner, place), lock);
        cluster.check_version()?;
        if is_ours {
            cluster.place.make_socket_folder(owner)?;
            let ran = cluster.is_running();
            cluster.adopt_or_launch()?;
            cluster.stop_on_drop.store(!ran, Ordering::Release);
        } else {
            cluster.wait_until_ready()?;
        }
        Ok(Some(cluster))
    }

    fn at(
        installation: &Installation,
        options: &ClusterOptions,
        (owner, place): (Owner, Place),
        lock: Option<FolderLock>,
    ) -> Self {
        Self {
            installation: installation.clone(),
            owner,
            arguments: arguments(options, &place.socket),
            place,
            durable: options.durable,
            stop_on_drop: AtomicBool::new(false),
            child: Mutex::new(None),
            _lock: lock,
        }
    }

    /// Where the cluster lies.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.place.home
    }

    /// Whether the wanted folder could not be used, because the user `postgres` cannot reach it.
    #[must_use]
    pub const fn relocated(&self) -> bool {
        self.place.relocated
    }

    /// How libpq reaches one of the cluster's databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = percent_encoded(self.place.socket.as_os_str().as_encoded_bytes());
        format!(
            "postgresql:///{}?host={host}&port={PORT}&user={SUPERUSER}",
            percent_encoded(database.as_bytes())
        )
    }

    /// Makes a database if it is not there.
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

    /// Runs SQL by `psql` and returns what it printed, bare.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn execute_sql(&self, database: &str, sql: &str) -> Result<String, Error> {
        let mut psql = Command::new(self.installation.program("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        run("psql", &mut psql)
    }

    /// The postmaster's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Postmaster::of(&self.place.data).map(Postmaster::pid)
    }

    /// Whether the postmaster runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Lets the cluster run on when this value is dropped.
    pub fn leave_running(&self) {
        self.stop_on_drop.store(false, Ordering::Release);
    }

    /// Stops the cluster: ends the sessions, writes everything out, and if that takes too long, without ado.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn stop(&self) -> Result<(), Error> {
        let Some(postmaster) = Postmaster::of(&self.place.data) else { return Ok(()) };
        postmaster.signal(Signal::INT);
        if postmaster.gone_within(STOP_PATIENCE) {
            return Ok(());
        }
        postmaster.signal(Signal::QUIT);
        if postmaster.gone_within(STOP_PATIENCE) {
            Ok(())
        } else {
            Err(self.timed_out("stop", STOP_PATIENCE))
        }
    }

    /// Kills the postmaster as a crash would. Its backends notice by themselves a moment later.
    ///
    /// # Errors
    /// [`Error::TimedOut`].
    pub fn kill_postmaster(&self) -> Result<(), Error> {
        let Some(postmaster) = Postmaster::of(&self.place.data) else { return Ok(()) };
        postmaster.signal(Signal::KILL);
        if postmaster.gone_within(STOP_PATIENCE) { Ok(()) } else { Err(self.timed_out("die", STOP_PATIENCE)) }
    }

    /// Stops the cluster if it runs, and starts it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    /// Hands the cluster to a thread that starts it again whenever its postmaster dies.
    #[must_use]
    pub fn supervise(self) -> Supervisor {
        Supervisor::over(self)
    }

    pub(crate) fn timed_out(&self, what: &'static str, patience: Duration) -> Error {
        Error::TimedOut { folder: self.place.home.clone(), what, patience }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.stop_on_drop.load(Ordering::Acquire)
            && let Err(error) = self.stop()
        {
            tracing::error!(%error, "the cluster could not be stopped");
        }
    }
}
