//! The postmaster process: find it, signal it, wait for its end.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::file;

/// A running postmaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Postmaster(Pid);

impl Postmaster {
    /// The live postmaster of a data folder. A stale pid file may name an unrelated process, so the process must be called
    /// `postgres`.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let file = file::read(&data.join("postmaster.pid")).ok()?;
        let postmaster = Self(Pid::from_raw(file.lines().next()?.trim().parse().ok()?)?);
        let is_ours = postmaster.is_alive() && postmaster.is_postgres() && postmaster.runs_as_owner_of(data);
        is_ours.then_some(postmaster)
    }

    pub(crate) fn pid(self) -> u32 {
        self.0.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether the process runs. A zombie does not.
    pub(crate) fn is_alive(self) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())) else {
            let no_proc = !Path::new("/proc/self/stat").exists();
            return no_proc && rustix::process::test_kill_process(self.0).is_ok();
        };
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        !matches!(state, Some('Z' | 'X') | None)
    }

    fn is_postgres(self) -> bool {
        let command = std::fs::read_to_string(format!("/proc/{}/comm", self.pid()));
        command.map_or(true, |name| name.trim().starts_with("postgres"))
    }

    /// Whether the process belongs to the user of a folder. Who can write the pid file must not be able to name a process of
    /// another user, which root would stop.
    fn runs_as_owner_of(self, data: &Path) -> bool {
        let process = std::fs::metadata(format!("/proc/{}", self.pid()));
        let Ok(process) = process else { return !Path::new("/proc/self/stat").exists() };
        data.metadata().is_ok_and(|data| data.uid() == process.uid())
    }

    /// Sends a signal. A process that has already exited is not an error.
    pub(crate) fn signal(self, signal: Signal) {
        let _ = rustix::process::kill_process(self.0, signal);
    }

    /// Stops the server: with a smart shutdown, in which connections that are just being closed end in order, then with a fast one,
    /// and with an immediate one if that takes longer than `limit`. Returns whether the process is gone.
    pub(crate) fn stop_within(self, limit: Duration) -> bool {
        const CLOSING: Duration = Duration::from_secs(1);
        let shutdowns = [(Signal::TERM, CLOSING), (Signal::INT, limit), (Signal::QUIT, limit)];
        shutdowns.into_iter().any(|(shutdown, limit)| {
            self.signal(shutdown);
            self.gone_within(limit)
        })
    }

    /// Waits for the process to exit.
    pub(crate) fn gone_within(self, timeout: Duration) -> bool {
        eventually(timeout, || !self.is_alive())
    }
}

/// Polls a condition until it holds or the time is up.
pub(crate) fn eventually(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + timeout;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}
