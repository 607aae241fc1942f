//! The test bed: a PostgreSQL of its own, the proxy before it, and the servers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use local_postgres::{Cluster, ClusterOptions, Installation};

use crate::fleet::{Fleet, ServerAddress};
use crate::load_balancer::LoadBalancer;
use crate::proxy::{CommitProxy, through_proxy};
use crate::server_process::{LaunchConfig, LaunchEnvironment, ServerProcess};

/// The database's name.
pub(crate) const DATABASE: &str = "hongyan";

/// PostgreSQL, the proxy and the servers.
pub(crate) struct TestBed {
    servers: Vec<Option<ServerProcess>>,
    pub(crate) fleet: Arc<Fleet>,
    program: LaunchConfig,
    pub(crate) proxy: CommitProxy,
    pub(crate) cluster: Cluster,
    incarnations: u64,
    /// The base URL that users call instead of the servers' own addresses.
    front: Option<String>,
}

impl TestBed {
    /// Starts everything in an empty folder.
    pub(crate) fn start(
        folder: &Path,
        server: PathBuf,
        front: Option<&LoadBalancer>,
        environment: LaunchEnvironment,
    ) -> anyhow::Result<Self> {
        // Like a server's own cluster: durable, with checkpoints during the run.
        let settings =
            [("max_wal_size", "512MB"), ("checkpoint_timeout", "30s"), ("random_page_cost", "1.1")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = ClusterOptions { data_dir: folder.join("postgres"), durable: true, settings };
        let cluster = Cluster::start(&Installation::find()?, options)?;
        cluster.ensure_database(DATABASE)?;
        let (database_url, socket_folder) = through_proxy(&cluster.url(DATABASE), &folder.join("proxy"))?;
        let proxy = CommitProxy::start(&folder.join("proxy"), &socket_folder)?;
        let (binds, drain) = match front {
            Some(load_balancer) => (load_balancer.upstreams.clone(), LoadBalancer::DRAIN),
            None => (std::array::from_fn(|_| "127.0.0.1:0".to_owned()), Duration::from_secs(1)),
        };
        let folder = folder.to_owned();
        let program = LaunchConfig { path: server, database_url, folder, binds, drain, environment };
        let servers = (0..Fleet::SIZE).map(|_| None).collect();
        let front = front.map(|load_balancer| load_balancer.base.clone());
        let mut test_bed =
            Self { servers, fleet: Arc::default(), program, proxy, cluster, incarnations: 0, front };
        for instance in 0..Fleet::SIZE {
            test_bed.start_server(instance)?;
        }
        Ok(test_bed)
    }

    /// Starts the next incarnation of an instance and adds it to the fleet.
    pub(crate) fn start_server(&mut self, instance: usize) -> anyhow::Result<()> {
        self.incarnations += 1;
        let server = ServerProcess::start(&self.program, instance, self.incarnations)?;
        let base = self.front.clone().unwrap_or_else(|| server.address.base.clone());
        self.fleet.add(ServerAddress { base, ..server.address.clone() });
        *self.servers.get_mut(instance).context("there is no such instance")? = Some(server);
        Ok(())
    }

    /// Takes a server out of the test bed; the caller removes it from the fleet.
    pub(crate) fn take(&mut self, instance: usize) -> anyhow::Result<ServerProcess> {
        self.servers.get_mut(instance).and_then(Option::take).context("the server does not run")
    }

    pub(crate) fn addresses(&self) -> Vec<ServerAddress> {
        self.servers.iter().flatten().map(|server| server.address.clone()).collect()
    }

    pub(crate) fn postmaster(&self) -> anyhow::Result<u32> {
        self.cluster.pid().context("PostgreSQL does not run")
    }
}
