//! Starting a cluster: create it if missing, adopt it if running, launch it otherwise.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::error::Error;
use crate::file;
use crate::log_rotation;
use crate::options::SUPERUSER;
use crate::process::eventually;
use crate::program::{last_lines, run};

/// Time limit of a start, which includes crash recovery.
const START_TIMEOUT: Duration = Duration::from_secs(60);

impl Cluster {
    /// Creates the cluster in a draft folder and renames that when it is complete, so that a crash in between leaves nothing
    /// that looks like a cluster.
    pub(crate) fn create_if_missing(&self) -> Result<(), Error> {
        if self.paths.has_cluster()? {
            return Ok(());
        }
        if std::fs::read_dir(&self.paths.data).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::NotACluster(self.paths.data.clone()));
        }
        let draft = &self.paths.draft;
        if draft.symlink_metadata().is_ok() {
            std::fs::remove_dir_all(draft).map_err(Error::io("cannot remove", draft))?;
        }
        let mut initdb = self.owner.command(&self.installation.program("initdb"));
        // The plain C locale would imply SQL_ASCII, which validates no encoding.
        initdb
            .args(["-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&self.paths.draft);
        if !self.durable {
            initdb.arg("--no-sync");
        }
        run("initdb", &mut initdb)?;
        std::fs::rename(&self.paths.draft, &self.paths.data)
            .map_err(Error::io("cannot move", &self.paths.draft))
    }

    pub(crate) fn check_version(&self) -> Result<(), Error> {
        let path = self.paths.data.join("PG_VERSION");
        let found = file::read(&path).map_err(Error::io("cannot read", path))?;
        let (found, installed) = (found.trim().to_owned(), self.installation.major());
        if found == installed.to_string() {
            return Ok(());
        }
        Err(Error::OtherVersion { folder: self.paths.home.clone(), found, installed })
    }

    pub(crate) fn adopt_or_launch(&self) -> Result<(), Error> {
        if !self.is_running() {
            return self.launch();
        }
        let known = file::read(&self.paths.settings);
        let same_settings = known.is_ok_and(|known| known == self.arguments.join("\n"));
        if !same_settings {
            return self.restart();
        }
        tracing::info!(pid = self.pid(), "adopting the running PostgreSQL of the data folder");
        self.wait_until_ready()
    }

    pub(crate) fn launch(&self) -> Result<(), Error> {
        let write = file::replace(&self.paths.settings, &self.arguments.join("\n"));
        write.map_err(Error::io("cannot write", &self.paths.settings))?;
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let logged = self.paths.log.symlink_metadata().map_or(0, |log| log.len());
            self.spawn()?;
            let Err(error) = self.wait_until_ready() else { return Ok(()) };
            let output = self.log_since(logged);
            // After a kill the old backends hold the shared memory until they notice, and the stale pid file may name a zombie.
            let previous_exits = ["pre-existing shared memory block", "already exists"]
                .iter()
                .any(|words| output.contains(words));
            if !previous_exits || Instant::now() >= deadline {
                return Err(if output.is_empty() {
                    error
                } else {
                    Error::Program { program: "postgres", output }
                });
            }
        }
    }

    /// Starts the postmaster in a process group of its own, so that Ctrl-C in the terminal does not reach it.
    fn spawn(&self) -> Result<(), Error> {
        let log = log_rotation::open(&self.paths.log).map_err(Error::io("cannot open", &self.paths.log))?;
        let copy = log.try_clone().map_err(Error::io("cannot open", &self.paths.log))?;
        let mut postgres = self.owner.command(&self.installation.program("postgres"));
        postgres
            .arg("-D")
            .arg(&self.paths.data)
            .args(&self.arguments)
            .stdout(copy)
            .stderr(log)
            .process_group(0);
        let child = postgres
            .spawn()
            .map_err(|error| Error::Program { program: "postgres", output: error.to_string() })?;
        let mut slot = self.child.lock();
        if let Some(mut old) = slot.replace(child) {
            // It is dead already; waiting removes the zombie.
            let _ = old.wait();
        }
        Ok(())
    }

    /// Whether the postmaster that this process started last has exited.
    fn has_exited(&self) -> bool {
        let mut slot = self.child.lock();
        slot.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn log_since(&self, position: u64) -> String {
        let mut log = Vec::new();
        // A log that cannot be read adds nothing to the error.
        let _ = file::open(&self.paths.log).and_then(|mut file| file.read_to_end(&mut log));
        let new = log.get(usize::try_from(position).unwrap_or(usize::MAX)..).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(new))
    }

    /// Waits until the cluster answers a query or the postmaster exits.
    pub(crate) fn wait_until_ready(&self) -> Result<(), Error> {
        let mut exited = false;
        let ready = eventually(START_TIMEOUT, || {
            exited = self.has_exited();
            exited || self.execute_sql("postgres", "SELECT 1").is_ok()
        });
        if ready && !exited { Ok(()) } else { Err(self.timed_out("answer", START_TIMEOUT)) }
    }
}
