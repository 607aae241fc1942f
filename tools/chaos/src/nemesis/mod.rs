//! The nemesis (as in Jepsen): injects one fault after the other and checks that the system recovers.

mod faults;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::scenario::{AnswerDemand, FinalDatabase as _, Scenario, ScenarioResult};
use crate::seeded_random::SeededRandom;
use crate::simulation::Simulation;
use crate::test_bed::TestBed;
use crate::violation::ViolatedRule;
use crate::virtual_user::VirtualUser;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    ServerKilled,
    ServerTerminated,
    PostgresKilled,
    BackendKilled,
    PostgresPaused,
    CutBeforeCommit,
    CutAfterCommit,
    CommitAnsweredByError,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::ServerKilled,
        Self::ServerTerminated,
        Self::PostgresKilled,
        Self::BackendKilled,
        Self::PostgresPaused,
        Self::CutBeforeCommit,
        Self::CutAfterCommit,
        Self::CommitAnsweredByError,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ServerKilled => "server killed (SIGKILL)",
            Self::ServerTerminated => "server stopped (SIGTERM)",
            Self::PostgresKilled => "PostgreSQL killed (SIGKILL)",
            Self::BackendKilled => "one backend killed (SIGKILL)",
            Self::PostgresPaused => "PostgreSQL paused (SIGSTOP, SIGCONT)",
            Self::CutBeforeCommit => "connection cut before COMMIT",
            Self::CutAfterCommit => "connection cut after COMMIT",
            Self::CommitAnsweredByError => "COMMIT answered by an error",
        }
    }
}

/// The run ends when all of these are reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopCondition {
    pub(crate) duration: Duration,
    pub(crate) kills: u64,
    pub(crate) messages: u64,
}

/// What the nemesis did.
#[derive(Debug, Clone, Default)]
struct FaultLog {
    rounds: u64,
    faults: BTreeMap<Fault, u64>,
    /// The longest time until sends through both servers succeeded again, by fault.
    slowest_recovery: BTreeMap<Fault, Duration>,
}

impl FaultLog {
    fn rows(&self) -> Vec<(String, String)> {
        let row = |fault: Fault| {
            let times = self.faults.get(&fault).copied().unwrap_or_default();
            let slowest = self.slowest_recovery.get(&fault).copied().unwrap_or_default();
            (fault.name().to_owned(), format!("{times}, recovered within {} ms", slowest.as_millis()))
        };
        let rounds = ("rounds".to_owned(), self.rounds.to_string());
        std::iter::once(rounds).chain(Fault::ALL.map(row)).collect()
    }
}

/// Injects the faults.
pub(crate) struct Nemesis {
    simulation: Arc<Simulation>,
    test_bed: TestBed,
    goals: StopCondition,
    random: SeededRandom,
    /// Sends through a server of the nemesis's choice.
    probe: VirtualUser,
    summary: FaultLog,
    /// Since when no fault has been active.
    healthy_since: u64,
}

impl Nemesis {
    /// How soon after the repair everything must work again.
    const RECOVERY: Duration = Duration::from_secs(5);

    pub(crate) fn new(
        simulation: &Arc<Simulation>,
        test_bed: TestBed,
        goals: StopCondition,
    ) -> anyhow::Result<Self> {
        let probe = VirtualUser::begin(simulation, simulation.accounts.len() - 2)?;
        let random = SeededRandom::stream(simulation.seed, u64::MAX);
        let (summary, healthy_since) = (FaultLog::default(), simulation.clock.now());
        Ok(Self {
            simulation: Arc::clone(simulation),
            test_bed,
            goals,
            random,
            probe,
            summary,
            healthy_since,
        })
    }

    fn count(&self, fault: Fault) -> u64 {
        self.summary.faults.get(&fault).copied().unwrap_or_default()
    }

    /// Injects a fault and repairs it; the caller checks that everything works again.
    ///
    /// # Errors
    /// When it cannot be injected.
    pub(crate) fn strike(&mut self, fault: Fault) -> anyhow::Result<()> {
        self.inject(fault)?;
        *self.summary.faults.entry(fault).or_default() += 1;
        Ok(())
    }

    /// Notes that no fault is active.
    pub(crate) fn note_healthy(&mut self) {
        self.healthy_since = self.simulation.clock.now();
    }

    /// How often each fault was injected.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.summary.faults.iter().map(|(fault, times)| (fault.name(), *times)).collect()
    }

    /// Runs SQL in the database.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn execute(&self, sql: &str) -> anyhow::Result<String> {
        self.test_bed.execute(sql)
    }

    /// Sleeps for a random time between the two, in milliseconds.
    fn pause(&mut self, least: u64, most: u64) {
        let more = self.random.below(usize::try_from(most - least).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(least + u64::try_from(more).unwrap_or_default()));
    }

    /// Sends through each server until it succeeds. Reports a violation after [`Self::RECOVERY`] and then returns false.
    fn wait_for_recovery(&mut self, fault: Fault) -> anyhow::Result<bool> {
        let begun = Instant::now();
        let pair = self.simulation.pairs.len() - 1;
        for address in self.test_bed.servers.addresses() {
            while !self.probe.send_through(pair, &address)? {
                if begun.elapsed() > Self::RECOVERY {
                    let detail = format!("{fault:?}: server {} does not recover", address.instance);
                    self.simulation.violations.add(ViolatedRule::Recovery, detail);
                    return Ok(false);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let took = begun.elapsed();
        if took > Self::RECOVERY {
            let detail = format!("{fault:?}: both servers served again only after {} ms", took.as_millis());
            self.simulation.violations.add(ViolatedRule::Recovery, detail);
        }
        let slowest = self.summary.slowest_recovery.entry(fault).or_default();
        *slowest = took.max(*slowest);
        self.note_healthy();
        Ok(true)
    }
}

impl Scenario for Nemesis {
    /// Injects faults until the stop condition is reached or the system does not recover.
    fn run(&mut self) -> anyhow::Result<()> {
        let (goals, begun) = (self.goals, Instant::now());
        let mut due: Vec<Fault> = Vec::new();
        loop {
            let fewest = Fault::ALL.iter().map(|fault| self.count(*fault)).min().unwrap_or_default();
            let sent = self.simulation.acknowledged.load(Ordering::Relaxed);
            let done = begun.elapsed() >= goals.duration && fewest >= goals.kills && sent >= goals.messages;
            if done || self.simulation.violations.is_full() {
                return Ok(());
            }
            let Some(fault) = due.pop() else {
                self.summary.rounds += 1;
                due = Fault::ALL.to_vec();
                self.random.shuffle(&mut due);
                continue;
            };
            self.pause(100, 900);
            self.strike(fault)?;
            if !self.wait_for_recovery(fault)? {
                return Ok(());
            }
        }
    }

    fn finish(self: Box<Self>) -> anyhow::Result<ScenarioResult> {
        let other = VirtualUser::begin(&self.simulation, self.simulation.accounts.len() - 1)?.finish()?;
        Ok(ScenarioResult {
            test_bed: Box::new(self.test_bed),
            summary: self.summary.rows(),
            probes: vec![self.probe.finish()?, other],
            demand: AnswerDemand::Any,
            outage: None,
            trapped: None,
        })
    }
}
