//! The disasters, one function each.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use socket_proxy::{CommitProxy, Cut, socket_folder};

use super::bed::FailOverDatabase;
use super::replicas::ReplicaSet;
use super::{Disaster, FailOver, FailOverPlan, ShownMessages};
use crate::seeded_random::SeededRandom;
use crate::test_bed::DATABASE;
use crate::violation::ViolatedRule;

/// How long a disaster that depends on the load may take to happen.
const TIMEOUT: Duration = Duration::from_secs(30);

fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

impl FailOver {
    /// Brings the disaster about and repairs what an operator repairs.
    pub(super) fn strike(&mut self) -> anyhow::Result<()> {
        if let FailOverPlan::Outside { command, .. } = &self.plan {
            let status = Command::new(command).status().context("the command cannot be started")?;
            anyhow::ensure!(status.success(), "the command ended with {status}");
            return Ok(());
        }
        match self.plan.disaster() {
            Disaster::Promote => promote(self.replicas()?),
            Disaster::TwoStandbys => {
                let dies = 1 + SeededRandom::stream(self.simulation.seed, u64::MAX).below(2);
                two_standbys(self.replicas()?, dies)
            }
            Disaster::StandbyLost => {
                self.shown = Some(standby_lost(self.replicas()?)?);
                Ok(())
            }
            Disaster::StandbyAway => standby_away(self.replicas()?),
            Disaster::Freeze => freeze(self.replicas()?),
            Disaster::Thaw => thaw(self.replicas()?),
            Disaster::AddressToStandby => self.address_to_standby(),
            Disaster::CommitError => commit_error(self.proxy()?.1),
            Disaster::Asynchronous => asynchronous(self.replicas()?),
            Disaster::Outside => Ok(()),
        }
    }

    fn replicas(&mut self) -> anyhow::Result<&mut ReplicaSet> {
        match &mut self.bed.database {
            FailOverDatabase::Own { replicas, .. } => Ok(replicas),
            FailOverDatabase::Outside { .. } => anyhow::bail!("the database is a given one"),
        }
    }

    fn proxy(&self) -> anyhow::Result<(&ReplicaSet, &CommitProxy)> {
        match &self.bed.database {
            FailOverDatabase::Own { replicas, proxy: Some(proxy) } => Ok((replicas, proxy)),
            _ => anyhow::bail!("there is no proxy"),
        }
    }

    /// The address leads to the standby and back. Meanwhile both servers must say that they are not ready.
    fn address_to_standby(&self) -> anyhow::Result<()> {
        let (replicas, proxy) = self.proxy()?;
        let socket =
            |number| -> anyhow::Result<_> { Ok(socket_folder(&replicas.member(number)?.url(DATABASE))?) };
        proxy.lead_to(&socket(1)?);
        pause(3000);
        for address in self.bed.servers.addresses() {
            let readiness = readiness(&address.base);
            if readiness != 503 {
                let detail = format!("/readyz is {readiness} while the database is a standby");
                self.simulation.violations.add(ViolatedRule::Readiness, detail);
            }
        }
        pause(1000);
        proxy.lead_to(&socket(0)?);
        Ok(())
    }
}

/// The status of `/readyz`; 0 if there is no answer.
fn readiness(base: &str) -> u16 {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(5)))
        .build();
    let answer = config.new_agent().get(format!("{base}/readyz")).call();
    answer.map_or(0, |answer| answer.status().as_u16())
}

fn promote(replicas: &mut ReplicaSet) -> anyhow::Result<()> {
    replicas.lose(0)?;
    pause(1000);
    replicas.promote(1)
}

fn two_standbys(replicas: &mut ReplicaSet, dies: usize) -> anyhow::Result<()> {
    replicas.lose(dies)?;
    pause(4000);
    replicas.lose(0)?;
    pause(1000);
    replicas.promote(3 - dies)
}

/// COMMITs wait for a standby that is gone; a fast stop ends their waits, and after the restart they count as committed.
fn standby_lost(replicas: &mut ReplicaSet) -> anyhow::Result<ShownMessages> {
    replicas.lose(1)?;
    pause(1500);
    replicas.member(0)?.restart()?;
    pause(2000);
    let shown = ShownMessages::of(replicas.member(0)?)?;
    replicas.lose(0)?;
    replicas.member(1)?.restart()?;
    replicas.promote(1)?;
    Ok(shown)
}

/// The primary goes on alone for a second, and what it acknowledges meanwhile is lost with it.
fn asynchronous(replicas: &mut ReplicaSet) -> anyhow::Result<()> {
    replicas.wait_for_no_standby()?;
    replicas.lose(1)?;
    pause(1000);
    replicas.lose(0)?;
    replicas.member(1)?.restart()?;
    replicas.promote(1)
}

/// The frozen primary is fenced, that is killed, only after its standby serves.
fn freeze(replicas: &mut ReplicaSet) -> anyhow::Result<()> {
    replicas.freeze(0)?;
    pause(2000);
    replicas.promote(1)?;
    pause(12_000);
    replicas.lose(0)
}

/// Nothing is lost and nothing is promoted.
fn thaw(replicas: &ReplicaSet) -> anyhow::Result<()> {
    replicas.freeze(0)?;
    pause(10_000);
    replicas.thaw(0)
}

/// COMMITs wait for a standby that is gone until it is back; reads go on.
fn standby_away(replicas: &ReplicaSet) -> anyhow::Result<()> {
    replicas.lose(1)?;
    pause(10_000);
    Ok(replicas.member(1)?.restart()?)
}

fn commit_error(proxy: &CommitProxy) -> anyhow::Result<()> {
    for _ in 0..20 {
        proxy.arm(Cut::AnsweredByError);
        let deadline = Instant::now() + TIMEOUT;
        while !proxy.has_cut() {
            (Instant::now() < deadline).then_some(()).context("no connection commits")?;
            pause(1);
        }
        pause(50);
    }
    Ok(())
}
