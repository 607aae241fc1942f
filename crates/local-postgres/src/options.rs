//! The options of a cluster, and the postmaster's arguments that follow from them.

use std::path::{Path, PathBuf};

pub(crate) const SUPERUSER: &str = "hongyan";
/// The role that owns the served database and that the application logs in as. It is no superuser.
pub(crate) const APPLICATION: &str = "hongyan_app";
pub(crate) const PORT: &str = "5432";

/// How to run a cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The folder that the cluster has to itself.
    pub data_dir: PathBuf,
    /// Whether commits must survive a crash. Only tests may turn this off.
    pub durable: bool,
    /// Further PostgreSQL settings as pairs of name and value.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// The postmaster's arguments after its data folder.
    pub(crate) fn arguments(&self, socket: &Path) -> Vec<String> {
        let durable = if self.durable { "on" } else { "off" };
        let fixed = [
            ("listen_addresses", ""),
            ("unix_socket_permissions", "0700"),
            // Diesel does not expose the SQLSTATE, so some errors are classified by their English message.
            ("lc_messages", "C"),
            // Neither a statement nor the values of a row get into the log: both may be texts and uids.
            ("log_error_verbosity", "terse"),
            ("log_min_error_statement", "panic"),
            ("fsync", durable),
            ("synchronous_commit", durable),
            ("full_page_writes", durable),
        ];
        let more = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings = fixed.into_iter().chain(more).map(|(name, value)| format!("--{name}={value}"));
        let socket = socket.to_string_lossy().into_owned();
        ["-p".to_owned(), PORT.to_owned(), "-k".to_owned(), socket].into_iter().chain(settings).collect()
    }
}
