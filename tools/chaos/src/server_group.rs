//! The servers of a test bed: starts, stops and replaces their processes.

use std::sync::Arc;

use anyhow::Context;

use crate::fleet::{Fleet, ServerAddress};
use crate::server_process::{LaunchConfig, ServerProcess};

/// The servers and the fleet that the users see.
pub(crate) struct ServerGroup {
    servers: Vec<Option<ServerProcess>>,
    pub(crate) fleet: Arc<Fleet>,
    program: LaunchConfig,
    incarnations: u64,
    /// The base URL that users call instead of the servers' own addresses.
    front: Option<String>,
}

impl ServerGroup {
    /// Starts all instances.
    pub(crate) fn start(program: LaunchConfig, front: Option<String>) -> anyhow::Result<Self> {
        let servers = (0..Fleet::SIZE).map(|_| None).collect();
        let mut group = Self { servers, fleet: Arc::default(), program, incarnations: 0, front };
        for instance in 0..Fleet::SIZE {
            group.start_server(instance)?;
        }
        Ok(group)
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

    /// Takes a server out of the group; the caller removes it from the fleet.
    pub(crate) fn take(&mut self, instance: usize) -> anyhow::Result<ServerProcess> {
        self.servers.get_mut(instance).and_then(Option::take).context("the server does not run")
    }

    pub(crate) fn addresses(&self) -> Vec<ServerAddress> {
        self.servers.iter().flatten().map(|server| server.address.clone()).collect()
    }
}
