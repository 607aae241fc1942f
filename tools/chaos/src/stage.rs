//! What everything runs on: a PostgreSQL of its own, the way there, and the servers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use local_postgres::{Cluster, ClusterOptions, Installation};

use crate::balancer::Balancer;
use crate::fleet::{Address, Fleet};
use crate::proxy::{Proxy, detour};
use crate::server::{Program, Server};

/// The database's name.
pub(crate) const DATABASE: &str = "hongyan";

/// The servers and what they stand on.
pub(crate) struct Stage {
    servers: Vec<Option<Server>>,
    pub(crate) fleet: Arc<Fleet>,
    program: Program,
    pub(crate) proxy: Proxy,
    pub(crate) cluster: Cluster,
    lives: u64,
    /// Where people find the servers, if it is not at their own addresses.
    front: Option<String>,
}

impl Stage {
    /// Sets everything up in an empty folder.
    pub(crate) fn set_up(folder: &Path, server: PathBuf, front: Option<&Balancer>) -> anyhow::Result<Self> {
        // As the own cluster of a server is set: durable, with checkpoints that come during a run.
        let settings =
            [("max_wal_size", "512MB"), ("checkpoint_timeout", "30s"), ("random_page_cost", "1.1")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = ClusterOptions { data_dir: folder.join("postgres"), durable: true, settings };
        let cluster = Cluster::start(&Installation::find()?, options)?;
        cluster.ensure_database(DATABASE)?;
        let (database_url, behind) = detour(&cluster.url(DATABASE), &folder.join("way"))?;
        let proxy = Proxy::start(&folder.join("way"), &behind)?;
        let (binds, drain) = match front {
            Some(balancer) => (balancer.behind.clone(), Balancer::DRAIN),
            None => (std::array::from_fn(|_| "127.0.0.1:0".to_owned()), Duration::from_secs(1)),
        };
        let program = Program { path: server, database_url, folder: folder.to_owned(), binds, drain };
        let servers = (0..Fleet::SIZE).map(|_| None).collect();
        let front = front.map(|balancer| balancer.base.clone());
        let mut stage = Self { servers, fleet: Arc::default(), program, proxy, cluster, lives: 0, front };
        for instance in 0..Fleet::SIZE {
            stage.start(instance)?;
        }
        Ok(stage)
    }

    /// Starts the next life of an instance and lets it have requests.
    pub(crate) fn start(&mut self, instance: usize) -> anyhow::Result<()> {
        self.lives += 1;
        let server = Server::start(&self.program, instance, self.lives)?;
        let base = self.front.clone().unwrap_or_else(|| server.address.base.clone());
        self.fleet.put_in(Address { base, ..server.address.clone() });
        *self.servers.get_mut(instance).context("there is no such instance")? = Some(server);
        Ok(())
    }

    /// Takes a server off the stage; its requests are still to be kept away.
    pub(crate) fn take(&mut self, instance: usize) -> anyhow::Result<Server> {
        self.servers.get_mut(instance).and_then(Option::take).context("that server does not run")
    }

    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.servers.iter().flatten().map(|server| server.address.clone()).collect()
    }

    pub(crate) fn postmaster(&self) -> anyhow::Result<u32> {
        self.cluster.pid().context("PostgreSQL does not run")
    }
}
