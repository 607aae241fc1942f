//! What a fail-over happens to: the servers and their replicated database.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use local_postgres::Installation;
use socket_proxy::CommitProxy;

use super::disaster::Disaster;
use super::replicas::ReplicaSet;
use crate::scenario::FinalDatabase;
use crate::server_group::ServerGroup;
use crate::server_process::{LaunchConfig, LaunchEnvironment};
use crate::test_bed::DATABASE;

/// The database that the servers use.
pub(super) enum FailOverDatabase {
    /// The harness's own.
    Own {
        replicas: ReplicaSet,
        /// Between the servers and the primary.
        proxy: Option<CommitProxy>,
    },
    /// A given one.
    Outside { url: String },
}

/// The servers and the database.
pub(super) struct FailOverBed {
    pub(super) servers: ServerGroup,
    pub(super) database: FailOverDatabase,
}

impl FailOverBed {
    /// Starts a replicated database and the servers in an empty folder.
    pub(super) fn start(folder: &Path, server: PathBuf, disaster: Disaster) -> anyhow::Result<Self> {
        let replicas = ReplicaSet::start(folder, disaster.standbys())?;
        let (url, proxy) = if disaster.is_proxied() {
            let proxy = CommitProxy::start(&replicas.primary()?.url(DATABASE))?;
            (proxy.url().to_owned(), Some(proxy))
        } else {
            (replicas.url()?, None)
        };
        let servers = launch(folder, server, url)?;
        Ok(Self { servers, database: FailOverDatabase::Own { replicas, proxy } })
    }

    /// Starts the servers on a given database, which must be empty.
    pub(super) fn outside(folder: &Path, server: PathBuf, url: &str) -> anyhow::Result<Self> {
        let servers = launch(folder, server, url.to_owned())?;
        Ok(Self { servers, database: FailOverDatabase::Outside { url: url.to_owned() } })
    }
}

fn launch(folder: &Path, path: PathBuf, database_url: String) -> anyhow::Result<ServerGroup> {
    let program = LaunchConfig {
        path,
        database_url,
        folder: folder.to_owned(),
        binds: std::array::from_fn(|_| "127.0.0.1:0".to_owned()),
        drain: Duration::from_secs(1),
        environment: LaunchEnvironment::default(),
    };
    ServerGroup::start(program, None)
}

impl FinalDatabase for FailOverBed {
    fn execute(&self, sql: &str) -> anyhow::Result<String> {
        match &self.database {
            FailOverDatabase::Own { replicas, .. } => Ok(replicas.primary()?.execute_sql(DATABASE, sql)?),
            FailOverDatabase::Outside { url } => {
                let mut psql = Command::new(Installation::find()?.program("psql"));
                psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
                let output = psql.env("PGTARGETSESSIONATTRS", "read-write").output()?;
                anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            }
        }
    }
}
