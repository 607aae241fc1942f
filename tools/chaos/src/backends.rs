//! PostgreSQL's processes, as the system shows them.

use rustix::process::{Pid, Signal, kill_process};

/// The processes that a postmaster has forked, and what they call themselves.
pub(crate) struct Backends(Vec<(u32, String)>);

impl Backends {
    pub(crate) fn of(postmaster: u32) -> Self {
        let listing = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = listing.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let own = pids.filter(|pid| parent(*pid) == Some(postmaster));
        Self(own.map(|pid| (pid, title(pid))).collect())
    }

    /// All of them, the writers and the checkpointer among them.
    pub(crate) fn all(&self) -> Vec<u32> {
        self.0.iter().map(|(pid, _)| *pid).collect()
    }

    /// Those that serve the clients of the database.
    pub(crate) fn serving(&self, database: &str) -> Vec<u32> {
        let name = format!(" {database} [local]");
        self.0.iter().filter(|(_, title)| title.contains(&name)).map(|(pid, _)| *pid).collect()
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent …", where the name may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn title(pid: u32) -> String {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&title).replace('\0', " ")
}

/// Sends a signal; a process that is gone already is no error.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
