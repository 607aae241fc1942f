//! PostgreSQL's processes, read from `/proc`.

use rustix::process::{Pid, Signal, kill_process};

/// The child processes of a postmaster with their process titles.
pub(crate) struct PostgresProcesses(Vec<(u32, String)>);

impl PostgresProcesses {
    pub(crate) fn of(postmaster: u32) -> Self {
        let listing = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = listing.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let own = pids.filter(|pid| parent(*pid) == Some(postmaster));
        Self(own.map(|pid| (pid, title(pid))).collect())
    }

    /// All children, including the writers and the checkpointer.
    pub(crate) fn all(&self) -> Vec<u32> {
        self.0.iter().map(|(pid, _)| *pid).collect()
    }

    /// The backends that serve connections to the database.
    pub(crate) fn serving(&self, database: &str) -> Vec<u32> {
        let name = format!(" {database} [local]");
        self.0.iter().filter(|(_, title)| title.contains(&name)).map(|(pid, _)| *pid).collect()
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent …"; the name may contain any character.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn title(pid: u32) -> String {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&title).replace('\0', " ")
}

/// Sends a signal; ignores a process that is gone already.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
