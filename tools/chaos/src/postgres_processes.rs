//! PostgreSQL's processes, read from `/proc`.

use crate::child_processes::children_of;

/// The child processes of a postmaster with their process titles.
pub(crate) struct PostgresProcesses(Vec<(u32, String)>);

impl PostgresProcesses {
    pub(crate) fn of(postmaster: u32) -> Self {
        Self(children_of(postmaster).into_iter().map(|pid| (pid, title(pid))).collect())
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

fn title(pid: u32) -> String {
    let title = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&title).replace('\0', " ")
}
