//! The postmaster process: find it, signal it, wait for its end.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// A running postmaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Postmaster(Pid);

impl Postmaster {
    /// The live postmaster of a data folder. A stale pid file may name an unrelated process, so the process must be called
    /// `postgres`.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let file = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let postmaster = Self(Pid::from_raw(file.lines().next()?.trim().parse().ok()?)?);
        (postmaster.is_alive() && postmaster.is_postgres()).then_some(postmaster)
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

    /// Sends a signal. A process that has already exited is not an error.
    pub(crate) fn signal(self, signal: Signal) {
        let _ = rustix::process::kill_process(self.0, signal);
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
