//! A primary and its standbys: clusters of their own, with streaming replication between them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use local_postgres::{Cluster, Installation};
use rustix::process::Signal;
use socket_proxy::host;

use crate::child_processes::signal;
use crate::postgres_processes::PostgresProcesses;
use crate::test_bed::{DATABASE, durable};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The clusters; the first is the primary at the start.
pub(super) struct ReplicaSet {
    members: Vec<Cluster>,
    primary: usize,
}

impl ReplicaSet {
    /// Starts a primary with this many standbys, of which one must have every COMMIT.
    pub(super) fn start(folder: &Path, standbys: usize) -> anyhow::Result<Self> {
        let installation = Installation::find()?;
        let primary = Cluster::start(&installation, durable(folder.join("node-0")))?;
        primary.ensure_database(DATABASE)?;
        let mut members = vec![primary];
        for number in 1..=standbys {
            let options = durable(folder.join(format!("node-{number}")));
            let primary = members.first().context("there is no primary")?;
            let standby =
                Cluster::start_standby(&installation, options, primary, &format!("standby{number}"))?;
            members.push(standby);
        }
        let set = Self { members, primary: 0 };
        set.wait_for_standbys(standbys)?;
        Ok(set)
    }

    /// Demands that one standby has every COMMIT, and waits until all of them follow.
    fn wait_for_standbys(&self, count: usize) -> anyhow::Result<()> {
        let names: Vec<_> = (1..=count).map(|number| format!("standby{number}")).collect();
        let primary = self.primary()?;
        let names = names.join(", ");
        primary.execute_sql(
            "postgres",
            &format!("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 ({names})'"),
        )?;
        primary.execute_sql("postgres", "SELECT pg_reload_conf()")?;
        let follow = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";
        let deadline = Instant::now() + TIMEOUT;
        while primary.execute_sql("postgres", follow)?.trim() != count.to_string() {
            anyhow::ensure!(Instant::now() < deadline, "the standbys do not follow");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// COMMITs wait for no standby from now on.
    pub(super) fn wait_for_no_standby(&self) -> anyhow::Result<()> {
        let primary = self.primary()?;
        primary.execute_sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names")?;
        primary.execute_sql("postgres", "SELECT pg_reload_conf()")?;
        Ok(())
    }

    pub(super) fn member(&self, number: usize) -> anyhow::Result<&Cluster> {
        self.members.get(number).context("there is no such member")
    }

    pub(super) fn primary(&self) -> anyhow::Result<&Cluster> {
        self.member(self.primary)
    }

    /// A URL that names every member.
    pub(super) fn url(&self) -> anyhow::Result<String> {
        let urls: Vec<_> = self.members.iter().map(|member| member.url(DATABASE)).collect();
        let hosts: Vec<_> = urls.iter().map(|url| host(url)).collect::<std::io::Result<_>>()?;
        let first = urls.first().context("there is no primary")?;
        Ok(first.replacen(host(first)?, &hosts.join(","), 1))
    }

    /// Sends a signal to all processes of a member.
    fn signal_all(&self, number: usize, kind: Signal) -> anyhow::Result<()> {
        let postmaster = self.member(number)?.pid().context("PostgreSQL does not run")?;
        // The postmaster first, so that it starts no process meanwhile.
        signal(postmaster, kind);
        for pid in PostgresProcesses::of(postmaster).all() {
            signal(pid, kind);
        }
        Ok(())
    }

    /// Kills all processes of a member, as the loss of its machine does.
    pub(super) fn lose(&self, number: usize) -> anyhow::Result<()> {
        let children = self.member(number)?.pid().map(|pid| PostgresProcesses::of(pid).all());
        self.member(number)?.kill_postmaster()?;
        for pid in children.unwrap_or_default() {
            signal(pid, Signal::KILL);
        }
        Ok(())
    }

    /// Stops all processes of a member in their places. Its kernel still accepts and acknowledges what it is sent.
    pub(super) fn freeze(&self, number: usize) -> anyhow::Result<()> {
        self.signal_all(number, Signal::STOP)
    }

    /// Lets a frozen member go on.
    pub(super) fn thaw(&self, number: usize) -> anyhow::Result<()> {
        self.signal_all(number, Signal::CONT)
    }

    /// Makes a standby the primary.
    pub(super) fn promote(&mut self, number: usize) -> anyhow::Result<()> {
        self.member(number)?.promote()?;
        self.primary = number;
        Ok(())
    }
}

impl Drop for ReplicaSet {
    fn drop(&mut self) {
        // A frozen member could not be stopped. An error means that it is gone already.
        for number in 0..self.members.len() {
            let _ = self.lose(number);
        }
    }
}
