//! Message broker: a NATS server (Debian's package `nats-server`) that carries signals between the servers.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;
use serde_json::Value;
use ureq::Agent;

use crate::child_processes::signal;
use crate::free_ports::free_addresses;

/// A NATS server that can be killed, paused and started again.
pub(crate) struct NatsServer {
    child: Child,
    log: PathBuf,
    address: String,
    /// Where it tells its counts.
    monitor: String,
    agent: Agent,
}

const TIMEOUT: Duration = Duration::from_secs(10);
/// The credentials of the servers.
const USER: [&str; 2] = ["hongyan", "the signals of the crash harness"];

impl NatsServer {
    /// Starts it with its log in the folder.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let [address, monitor] = free_addresses()?;
        let log = folder.join("nats.log");
        let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).max_idle_connections(0);
        let (child, agent) = (spawn(&log, &address, &monitor)?, config.build().new_agent());
        let mut server = Self { child, log, address, monitor, agent };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// For `HONGYAN_NATS_URL`.
    pub(crate) fn url(&self) -> String {
        let [user, password] = USER.map(|text| text.replace(' ', "%20"));
        format!("nats://{user}:{password}@{}", self.address)
    }

    /// How many messages it has received since its last start, while it runs.
    pub(crate) fn received(&self) -> Option<u64> {
        let mut answer = self.agent.get(format!("http://{}/varz", self.monitor)).call().ok()?;
        let counts: Value = serde_json::from_slice(&answer.body_mut().read_to_vec().ok()?).ok()?;
        counts.get("in_msgs")?.as_u64()
    }

    fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        while self.received().is_none() {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!(
                    "nats-server did not start: {}",
                    std::fs::read_to_string(&self.log).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Kills it. [`Self::restart`] starts it again at the same address.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("nats-server had ended by itself: {status}");
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after [`Self::kill`].
    ///
    /// # Errors
    /// When it does not answer in time.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.child = spawn(&self.log, &self.address, &self.monitor)?;
        self.wait_until_it_answers()
    }

    /// Stops its process: its connections stay open and nothing passes.
    pub(crate) fn pause(&self) {
        signal(self.child.id(), Signal::STOP);
    }

    /// Lets it go on after [`Self::pause`].
    pub(crate) fn go_on(&self) {
        signal(self.child.id(), Signal::CONT);
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(log: &Path, address: &str, monitor: &str) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(log)?;
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let [user, password] = USER;
    let mut command = Command::new("nats-server");
    command.args(["-a", "127.0.0.1", "-p", &port(address), "-m", &port(monitor)]);
    command.args(["--user", user, "--pass", password]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().context("nats-server cannot be started; is it installed?")
}
