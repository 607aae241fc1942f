//! The faults, one function each.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::{Fault, Nemesis};
use crate::backends::{Backends, signal};
use crate::fleet::Fleet;
use crate::proxy::Cut;
use crate::stage::DATABASE;
use crate::violation::Rule;

/// How long a server may take to finish what it has accepted: its own setting is 30 seconds.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// How long something may take that needs the load to come by.
const PATIENCE: Duration = Duration::from_secs(30);

impl Nemesis {
    /// Breaks something and puts it back; whether it works again is another question.
    pub(super) fn strike(&mut self, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::ServerKilled => self.kill_server(),
            Fault::ServerTerminated => self.terminate_server(),
            Fault::PostgresKilled => self.kill_postgres(),
            Fault::BackendKilled => self.kill_backend(),
            Fault::PostgresPaused => self.pause_postgres(),
            Fault::CutBeforeCommit => self.cut(Cut::BeforeCommit),
            Fault::CutAfterCommit => self.cut(Cut::AfterCommit),
        }
    }

    fn kill_server(&mut self) -> anyhow::Result<()> {
        let instance = self.random.below(Fleet::SIZE);
        self.stage.take(instance)?.kill()?;
        self.stage.fleet.take_out(instance);
        self.pause(0, 300);
        self.stage.start(instance)
    }

    /// Whatever had been begun before the signal must be answered, and the server must exit in order.
    fn terminate_server(&mut self) -> anyhow::Result<()> {
        let instance = self.random.below(Fleet::SIZE);
        let mut server = self.stage.take(instance)?;
        self.stage.fleet.take_out(instance);
        let signalled = self.world.clock.now();
        server.terminate();
        let status = server.ended_within(STOP_PATIENCE)?;
        let complaints = &self.world.complaints;
        match status {
            Some(status) if status.success() => {}
            Some(status) => complaints.add(Rule::GracefulStop, format!("the server ended with {status}")),
            None => complaints.add(Rule::GracefulStop, "the server did not stop".to_owned()),
        }
        let failed = self.stage.fleet.failures(&server.address, self.whole_since, signalled);
        if failed > 0 {
            complaints
                .add(Rule::GracefulStop, format!("{failed} requests that were sent before got no answer"));
        }
        self.stage.start(instance)
    }

    /// Kills the postmaster; sometimes its children too, at once, and sometimes a server with it.
    fn kill_postgres(&mut self) -> anyhow::Result<()> {
        let children = Backends::of(self.stage.postmaster()?).all();
        let whole_machine = self.random.one_in(3);
        self.stage.cluster.kill_postmaster()?;
        if self.random.one_in(2) || whole_machine {
            children.into_iter().for_each(|pid| signal(pid, Signal::KILL));
        }
        if whole_machine {
            let instance = self.random.below(Fleet::SIZE);
            self.stage.take(instance)?.kill()?;
            self.stage.fleet.take_out(instance);
            self.stage.cluster.restart()?;
            return self.stage.start(instance);
        }
        self.pause(0, 700);
        Ok(self.stage.cluster.restart()?)
    }

    /// Kills one backend, whereupon PostgreSQL ends all sessions and recovers as after a crash.
    fn kill_backend(&mut self) -> anyhow::Result<()> {
        let postmaster = self.stage.postmaster()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let serving = Backends::of(postmaster).serving(DATABASE);
            if let Some(pid) = self.random.pick(&serving) {
                signal(*pid, Signal::KILL);
                return self.wait_for_postgres(postmaster, &serving);
            }
            anyhow::ensure!(Instant::now() < deadline, "no server has a connection to PostgreSQL");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until PostgreSQL has ended the sessions that there were, and is there again.
    fn wait_for_postgres(&self, postmaster: u32, sessions: &[u32]) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        // Until the postmaster has noticed the kill it still answers.
        while Backends::of(postmaster).all().iter().any(|pid| sessions.contains(pid))
            || self.stage.cluster.execute_sql(DATABASE, "SELECT 1").is_err()
        {
            if Instant::now() > deadline {
                bail!("PostgreSQL does not recover");
            }
            // Each question is a process of its own.
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Stops some of PostgreSQL's processes in their tracks, and lets them go on.
    fn pause_postgres(&mut self) -> anyhow::Result<()> {
        let postmaster = self.stage.postmaster()?;
        let backends = Backends::of(postmaster);
        let mut chosen = if self.random.one_in(3) { backends.all() } else { backends.serving(DATABASE) };
        self.random.shuffle(&mut chosen);
        chosen.truncate(1 + self.random.below(chosen.len()));
        chosen.iter().for_each(|pid| signal(*pid, Signal::STOP));
        self.pause(200, 2500);
        chosen.iter().for_each(|pid| signal(*pid, Signal::CONT));
        Ok(())
    }

    fn cut(&self, cut: Cut) -> anyhow::Result<()> {
        self.stage.proxy.arm(cut);
        let deadline = Instant::now() + PATIENCE;
        while !self.stage.proxy.has_cut() {
            (Instant::now() < deadline).then_some(()).context("nobody commits")?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}
