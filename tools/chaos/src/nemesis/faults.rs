//! The faults, one function each.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;
use socket_proxy::Cut;

use super::{Fault, Nemesis};
use crate::child_processes::signal;
use crate::fleet::Fleet;
use crate::postgres_processes::PostgresProcesses;
use crate::test_bed::DATABASE;
use crate::violation::ViolatedRule;

/// How long a server may take to finish accepted requests: its own limit is 30 seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a fault that depends on the load may take to happen.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Nemesis {
    /// Injects a fault and repairs it; [`Nemesis::wait_for_recovery`] checks the result.
    pub(super) fn inject(&mut self, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::ServerKilled => self.kill_server(),
            Fault::ServerTerminated => self.terminate_server(),
            Fault::PostgresKilled => self.kill_postgres(),
            Fault::BackendKilled => self.kill_backend(),
            Fault::PostgresPaused => self.pause_postgres(),
            Fault::CutBeforeCommit => self.cut(Cut::BeforeCommit),
            Fault::CutAfterCommit => self.cut(Cut::AfterCommit),
            Fault::CommitAnsweredByError => self.cut(Cut::AnsweredByError),
        }
    }

    fn kill_server(&mut self) -> anyhow::Result<()> {
        let instance = self.random.below(Fleet::SIZE);
        self.test_bed.servers.take(instance)?.kill()?;
        self.test_bed.servers.fleet.remove(instance);
        self.pause(0, 300);
        self.test_bed.servers.start_server(instance)
    }

    /// Every request that began before the signal must be answered, and the server must exit with success.
    fn terminate_server(&mut self) -> anyhow::Result<()> {
        let instance = self.random.below(Fleet::SIZE);
        let mut server = self.test_bed.servers.take(instance)?;
        self.test_bed.servers.fleet.remove(instance);
        let signalled = self.simulation.clock.now();
        server.terminate();
        let status = server.ended_within(STOP_TIMEOUT)?;
        let violations = &self.simulation.violations;
        match status {
            Some(status) if status.success() => {}
            Some(status) => {
                violations.add(ViolatedRule::GracefulStop, format!("the server ended with {status}"));
            }
            None => violations.add(ViolatedRule::GracefulStop, "the server did not stop".to_owned()),
        }
        let failed = self.test_bed.servers.fleet.unanswered(&server.address, self.healthy_since, signalled);
        if failed > 0 {
            violations.add(
                ViolatedRule::GracefulStop,
                format!("{failed} requests sent before the signal got no response"),
            );
        }
        self.test_bed.servers.start_server(instance)
    }

    /// Kills the postmaster; sometimes its children at the same time, and sometimes a server with it.
    fn kill_postgres(&mut self) -> anyhow::Result<()> {
        let children = PostgresProcesses::of(self.test_bed.postmaster()?).all();
        let whole_machine = self.random.one_in(3);
        self.test_bed.cluster.kill_postmaster()?;
        if self.random.one_in(2) || whole_machine {
            for pid in children {
                signal(pid, Signal::KILL);
            }
        }
        if whole_machine {
            let instance = self.random.below(Fleet::SIZE);
            self.test_bed.servers.take(instance)?.kill()?;
            self.test_bed.servers.fleet.remove(instance);
            self.test_bed.cluster.restart()?;
            return self.test_bed.servers.start_server(instance);
        }
        self.pause(0, 700);
        Ok(self.test_bed.cluster.restart()?)
    }

    /// Kills one backend; PostgreSQL then ends all sessions and recovers as after a crash.
    fn kill_backend(&mut self) -> anyhow::Result<()> {
        let postmaster = self.test_bed.postmaster()?;
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let serving = PostgresProcesses::of(postmaster).serving(DATABASE);
            if let Some(pid) = self.random.pick(&serving) {
                signal(*pid, Signal::KILL);
                return self.wait_for_postgres(postmaster, &serving);
            }
            anyhow::ensure!(Instant::now() < deadline, "no server has a connection to PostgreSQL");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until PostgreSQL has ended the given sessions and accepts connections again.
    fn wait_for_postgres(&self, postmaster: u32, sessions: &[u32]) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        // The postmaster still answers until it has noticed the kill.
        while PostgresProcesses::of(postmaster).all().iter().any(|pid| sessions.contains(pid))
            || self.test_bed.cluster.execute_sql(DATABASE, "SELECT 1").is_err()
        {
            if Instant::now() > deadline {
                bail!("PostgreSQL does not recover");
            }
            // Each query starts a psql process.
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Stops some of PostgreSQL's processes for a while, then continues them.
    fn pause_postgres(&mut self) -> anyhow::Result<()> {
        let postmaster = self.test_bed.postmaster()?;
        let backends = PostgresProcesses::of(postmaster);
        let mut chosen = if self.random.one_in(3) { backends.all() } else { backends.serving(DATABASE) };
        self.random.shuffle(&mut chosen);
        chosen.truncate(1 + self.random.below(chosen.len()));
        for pid in &chosen {
            signal(*pid, Signal::STOP);
        }
        self.pause(200, 2500);
        for pid in &chosen {
            signal(*pid, Signal::CONT);
        }
        Ok(())
    }

    fn cut(&self, cut: Cut) -> anyhow::Result<()> {
        self.test_bed.proxy.arm(cut);
        let deadline = Instant::now() + TIMEOUT;
        while !self.test_bed.proxy.has_cut() {
            (Instant::now() < deadline).then_some(()).context("no connection commits")?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}
