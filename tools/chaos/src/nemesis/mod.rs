//! Whoever breaks things, one after the other, and sees that they mend.

mod faults;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::life::Life;
use crate::random::Random;
use crate::stage::Stage;
use crate::trouble::{Aftermath, Trouble};
use crate::violation::Rule;
use crate::world::World;

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    ServerKilled,
    ServerTerminated,
    PostgresKilled,
    BackendKilled,
    PostgresPaused,
    CutBeforeCommit,
    CutAfterCommit,
}

impl Fault {
    pub(crate) const ALL: [Self; 7] = [
        Self::ServerKilled,
        Self::ServerTerminated,
        Self::PostgresKilled,
        Self::BackendKilled,
        Self::PostgresPaused,
        Self::CutBeforeCommit,
        Self::CutAfterCommit,
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
        }
    }
}

/// When a run is over: when all of this was reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goals {
    pub(crate) duration: Duration,
    pub(crate) kills: u64,
    pub(crate) messages: u64,
}

/// What the nemesis did.
#[derive(Debug, Clone, Default)]
struct Deeds {
    rounds: u64,
    faults: BTreeMap<Fault, u64>,
    /// The longest that sends through both servers took to succeed again, by what had been broken.
    slowest_recovery: BTreeMap<Fault, Duration>,
}

impl Deeds {
    fn rows(&self) -> Vec<(String, String)> {
        let row = |fault: Fault| {
            let times = self.faults.get(&fault).copied().unwrap_or_default();
            let slowest = self.slowest_recovery.get(&fault).copied().unwrap_or_default();
            (fault.name().to_owned(), format!("{times}, mended in {} ms or less", slowest.as_millis()))
        };
        let rounds = ("rounds".to_owned(), self.rounds.to_string());
        std::iter::once(rounds).chain(Fault::ALL.map(row)).collect()
    }
}

/// The breaker of things.
pub(crate) struct Nemesis {
    world: Arc<World>,
    stage: Stage,
    goals: Goals,
    random: Random,
    /// Sends through a server of the nemesis' choice.
    probe: Life,
    deeds: Deeds,
    /// Since when nothing has been broken.
    whole_since: u64,
}

impl Nemesis {
    /// How soon after PostgreSQL or a server is back everything must work again.
    const RECOVERY: Duration = Duration::from_secs(5);

    pub(crate) fn new(world: &Arc<World>, stage: Stage, goals: Goals) -> anyhow::Result<Self> {
        let probe = Life::begin(world, world.people.len() - 2)?;
        let random = Random::stream(world.seed, u64::MAX);
        let (deeds, whole_since) = (Deeds::default(), world.clock.now());
        Ok(Self { world: Arc::clone(world), stage, goals, random, probe, deeds, whole_since })
    }

    fn count(&self, fault: Fault) -> u64 {
        self.deeds.faults.get(&fault).copied().unwrap_or_default()
    }

    /// A while between the two, in milliseconds.
    fn pause(&mut self, least: u64, most: u64) {
        let more = self.random.below(usize::try_from(most - least).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(least + u64::try_from(more).unwrap_or_default()));
    }

    /// Sends through each server until it succeeds. Who waits longer than [`Self::RECOVERY`] has not recovered.
    fn is_mended(&mut self, fault: Fault) -> anyhow::Result<bool> {
        let begun = Instant::now();
        let pair = self.world.pairs.len() - 1;
        for address in self.stage.addresses() {
            while !self.probe.send_through(pair, &address)? {
                if begun.elapsed() > Self::RECOVERY {
                    let detail = format!("{fault:?}: server {} does not come back", address.instance);
                    self.world.complaints.add(Rule::Recovery, detail);
                    return Ok(false);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let took = begun.elapsed();
        if took > Self::RECOVERY {
            let detail = format!("{fault:?}: it took {} ms until both servers served", took.as_millis());
            self.world.complaints.add(Rule::Recovery, detail);
        }
        let slowest = self.deeds.slowest_recovery.entry(fault).or_default();
        *slowest = took.max(*slowest);
        self.whole_since = self.world.clock.now();
        Ok(true)
    }
}

impl Trouble for Nemesis {
    /// Breaks things until the goals are reached, or something does not mend.
    fn make(&mut self) -> anyhow::Result<()> {
        let (goals, begun) = (self.goals, Instant::now());
        let mut due: Vec<Fault> = Vec::new();
        loop {
            let fewest = Fault::ALL.iter().map(|fault| self.count(*fault)).min().unwrap_or_default();
            let sent = self.world.acknowledged.load(Ordering::Relaxed);
            let done = begun.elapsed() >= goals.duration && fewest >= goals.kills && sent >= goals.messages;
            if done || self.world.complaints.are_many() {
                return Ok(());
            }
            let Some(fault) = due.pop() else {
                self.deeds.rounds += 1;
                due = Fault::ALL.to_vec();
                self.random.shuffle(&mut due);
                continue;
            };
            self.pause(100, 900);
            self.strike(fault)?;
            *self.deeds.faults.entry(fault).or_default() += 1;
            if !self.is_mended(fault)? {
                return Ok(());
            }
        }
    }

    fn retire(self: Box<Self>) -> anyhow::Result<Aftermath> {
        let other = Life::begin(&self.world, self.world.people.len() - 1)?.finish()?;
        let probes = [self.probe.finish()?, other];
        Ok(Aftermath { stage: self.stage, deeds: self.deeds.rows(), probes })
    }
}
