//! The postmaster as a process.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// A running postmaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Postmaster(Pid);

impl Postmaster {
    /// The postmaster of a data folder, if it lives. A pid file that outlived its postmaster may name somebody else's
    /// process by now, so that the process must call itself postgres.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let file = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let postmaster = Self(Pid::from_raw(file.lines().next()?.trim().parse().ok()?)?);
        (postmaster.is_alive() && postmaster.is_postgres()).then_some(postmaster)
    }

    pub(crate) fn pid(self) -> u32 {
        self.0.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether the process runs. One that has died and waits for its parent does not.
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

    /// Sends a signal; a process that is gone already is no error.
    pub(crate) fn signal(self, signal: Signal) {
        let _ = rustix::process::kill_process(self.0, signal);
    }

    /// Waits until the process is gone.
    pub(crate) fn gone_within(self, patience: Duration) -> bool {
        eventually(patience, || !self.is_alive())
    }
}

/// Waits until a condition holds or the patience is at its end.
pub(crate) fn eventually(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + patience;
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
