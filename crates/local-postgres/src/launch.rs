//! How a cluster comes to run: made if missing, adopted if running, launched otherwise.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::cluster::{PORT, SUPERUSER};
use crate::process::eventually;
use crate::{Cluster, ClusterOptions, Error};

/// Recovery after a crash may take its time.
const START_PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// Makes the cluster beside its place and moves it there when it is whole, so that a crash amid it leaves nothing that
    /// looks like a cluster.
    pub(crate) fn make_if_missing(&self) -> Result<(), Error> {
        if self.place.data.join("PG_VERSION").exists() {
            return Ok(());
        }
        for left_over in [&self.place.draft, &self.place.data] {
            if left_over.exists() {
                std::fs::remove_dir_all(left_over).map_err(Error::io("cannot remove", left_over))?;
            }
        }
        let mut initdb = self.owner.command(&self.installation.program("initdb"));
        // The plain C locale would mean SQL_ASCII, which checks no encoding.
        initdb
            .args(["-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&self.place.draft);
        if !self.durable {
            initdb.arg("--no-sync");
        }
        run("initdb", &mut initdb)?;
        std::fs::rename(&self.place.draft, &self.place.data)
            .map_err(Error::io("cannot move", &self.place.draft))
    }

    pub(crate) fn check_version(&self) -> Result<(), Error> {
        let path = self.place.data.join("PG_VERSION");
        let found = std::fs::read_to_string(&path).map_err(Error::io("cannot read", path))?;
        let (found, installed) = (found.trim().to_owned(), self.installation.major());
        if found == installed.to_string() {
            return Ok(());
        }
        Err(Error::OtherVersion { folder: self.place.home.clone(), found, installed })
    }

    pub(crate) fn adopt_or_launch(&self) -> Result<(), Error> {
        if !self.is_running() {
            return self.launch();
        }
        let known = std::fs::read_to_string(&self.place.settings);
        let same_settings = known.is_ok_and(|known| known == self.arguments.join("\n"));
        if !same_settings {
            return self.restart();
        }
        tracing::info!(pid = self.pid(), "adopting the PostgreSQL that runs in the data folder");
        self.wait_until_ready()
    }

    pub(crate) fn launch(&self) -> Result<(), Error> {
        let write = std::fs::write(&self.place.settings, self.arguments.join("\n"));
        write.map_err(Error::io("cannot write", &self.place.settings))?;
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let logged = std::fs::metadata(&self.place.log).map_or(0, |log| log.len());
            self.spawn()?;
            let Err(error) = self.wait_until_ready() else { return Ok(()) };
            let said = self.log_since(logged);
            // After a kill the old backends hold the shared memory until they notice, and the old pid file names a process
            // that its new parent has yet to wait for.
            let leaving = ["pre-existing shared memory block", "already exists"]
                .iter()
                .any(|words| said.contains(words));
            if !leaving || Instant::now() >= deadline {
                return Err(if said.is_empty() {
                    error
                } else {
                    Error::Program { program: "postgres", output: said }
                });
            }
        }
    }

    /// Starts the postmaster in a process group of its own, so that Ctrl-C in the terminal does not reach it.
    fn spawn(&self) -> Result<(), Error> {
        let open = File::options().create(true).append(true).open(&self.place.log);
        let log = open.map_err(Error::io("cannot open", &self.place.log))?;
        let copy = log.try_clone().map_err(Error::io("cannot open", &self.place.log))?;
        let mut postgres = self.owner.command(&self.installation.program("postgres"));
        postgres
            .arg("-D")
            .arg(&self.place.data)
            .args(&self.arguments)
            .stdout(copy)
            .stderr(log)
            .process_group(0);
        let child = postgres
            .spawn()
            .map_err(|error| Error::Program { program: "postgres", output: error.to_string() })?;
        let mut slot = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut old) = slot.replace(child) {
            // It has died; this only takes it off the system's list.
            let _ = old.wait();
        }
        Ok(())
    }

    /// Whether the postmaster that was started last has given up.
    fn has_given_up(&self) -> bool {
        let mut slot = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn log_since(&self, position: u64) -> String {
        let log = std::fs::read(&self.place.log).unwrap_or_default();
        let news = log.get(usize::try_from(position).unwrap_or(usize::MAX)..).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(news))
    }

    /// Waits until a query is answered, or the postmaster has given up.
    pub(crate) fn wait_until_ready(&self) -> Result<(), Error> {
        let mut given_up = false;
        let ready = eventually(START_PATIENCE, || {
            given_up = self.has_given_up();
            given_up || self.execute_sql("postgres", "SELECT 1").is_ok()
        });
        if ready && !given_up { Ok(()) } else { Err(self.timed_out("answer", START_PATIENCE)) }
    }
}

/// The postmaster's command line behind its data folder.
pub(crate) fn arguments(options: &ClusterOptions, socket: &Path) -> Vec<String> {
    let durable = if options.durable { "on" } else { "off" };
    let fixed = [
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        // Diesel keeps no SQLSTATE, so that some errors are told apart by their words.
        ("lc_messages", "C"),
        ("fsync", durable),
        ("synchronous_commit", durable),
        ("full_page_writes", durable),
    ];
    let more = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings = fixed.into_iter().chain(more).map(|(name, value)| format!("--{name}={value}"));
    let socket = socket.to_string_lossy().into_owned();
    ["-p".to_owned(), PORT.to_owned(), "-k".to_owned(), socket].into_iter().chain(settings).collect()
}

pub(crate) fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
}

pub(crate) fn run(program: &'static str, command: &mut Command) -> Result<String, Error> {
    let failed = |output: String| Error::Program { program, output };
    let Output { status, stdout, stderr } = command.output().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(failed(last_lines(&String::from_utf8_lossy(&stderr))))
}
