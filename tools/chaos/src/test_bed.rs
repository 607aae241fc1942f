//! The test bed: a PostgreSQL of its own, the proxy before it, and the servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use local_postgres::{Cluster, ClusterOptions, Installation};
use socket_proxy::{CommitProxy, socket_folder};

use crate::load_balancer::LoadBalancer;
use crate::pooler::Pooler;
use crate::scenario::FinalDatabase;
use crate::server_group::ServerGroup;
use crate::server_process::{LaunchConfig, LaunchEnvironment};

/// The database's name.
pub(crate) const DATABASE: &str = "hongyan";

/// PostgreSQL, the proxy and the servers.
pub(crate) struct TestBed {
    pub(crate) servers: ServerGroup,
    pub(crate) proxy: CommitProxy,
    /// Between the proxy and PostgreSQL.
    _pooler: Option<Pooler>,
    pub(crate) cluster: Cluster,
}

/// What stands between the users and PostgreSQL, besides the servers.
#[derive(Default)]
pub(crate) struct Surroundings<'a> {
    /// In front of the servers.
    pub(crate) front: Option<&'a LoadBalancer>,
    /// Whether users call the servers at their own addresses nevertheless.
    pub(crate) has_open_servers: bool,
    /// Whether `PgBouncer` pools the servers' sessions.
    pub(crate) pooled: bool,
    pub(crate) environment: LaunchEnvironment,
}

impl TestBed {
    /// Starts everything in an empty folder.
    pub(crate) fn start(folder: &Path, server: PathBuf, around: Surroundings<'_>) -> anyhow::Result<Self> {
        let options = durable(folder.join("postgres"));
        let cluster = Cluster::start(&Installation::find()?, options)?;
        cluster.ensure_database(DATABASE)?;
        let url = cluster.url(DATABASE);
        let proxy = CommitProxy::start(&url)?;
        let pooler = around.pooled.then(|| Pooler::start(folder, &socket_folder(&url)?)).transpose()?;
        if let Some(pooler) = &pooler {
            proxy.lead_to(&pooler.socket_folder);
        }
        let database_url = proxy.url().to_owned();
        let (binds, drain) = match around.front {
            Some(load_balancer) => (load_balancer.upstreams.clone(), LoadBalancer::DRAIN),
            None => (std::array::from_fn(|_| "127.0.0.1:0".to_owned()), Duration::from_secs(1)),
        };
        let (folder, environment) = (folder.to_owned(), around.environment);
        let program = LaunchConfig { path: server, database_url, folder, binds, drain, environment };
        let front =
            around.front.filter(|_| !around.has_open_servers).map(|load_balancer| load_balancer.base.clone());
        let servers = ServerGroup::start(program, front)?;
        Ok(Self { servers, proxy, _pooler: pooler, cluster })
    }

    pub(crate) fn postmaster(&self) -> anyhow::Result<u32> {
        self.cluster.pid().context("PostgreSQL does not run")
    }
}

impl FinalDatabase for TestBed {
    fn execute(&self, sql: &str) -> anyhow::Result<String> {
        Ok(self.cluster.execute_sql(DATABASE, sql)?)
    }
}

/// Like a server's own cluster: durable, with checkpoints during the run.
pub(crate) fn durable(data_dir: PathBuf) -> ClusterOptions {
    let settings = [("max_wal_size", "512MB"), ("checkpoint_timeout", "30s"), ("random_page_cost", "1.1")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    ClusterOptions { data_dir, durable: true, settings }
}
