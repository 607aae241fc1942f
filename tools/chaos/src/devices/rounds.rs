//! Nemesis of a run with devices: rounds of faults, work and rests.

use std::time::{Duration, Instant};

use anyhow::Context;
use socket_proxy::LinkFault;

use super::middleware::{FaultDeck, MiddlewareFault};
use super::{DevicePlan, DeviceRun, SETTLE};
use crate::nemesis::Fault;
use crate::seeded_random::SeededRandom;

/// How long people work before and after the fault of a round.
const WORK: Duration = Duration::from_millis(1500);
/// What happens last before a rest is what no later change corrects, so each round has several, the last one maybe fewer.
const SHORT_RESTS: usize = 5;
const SHORT_WORK: Duration = Duration::from_millis(200);
/// A short run has a server, PostgreSQL, nginx and NATS killed.
const LEAST_ROUNDS: u64 = 2;

/// The faults of a round, those that end most first.
const FAULTS: [Fault; 8] = [
    Fault::ServerKilled,
    Fault::PostgresKilled,
    Fault::ServerTerminated,
    Fault::CommitAnsweredByError,
    Fault::BackendKilled,
    Fault::PostgresPaused,
    Fault::CutBeforeCommit,
    Fault::CutAfterCommit,
];

/// What is due.
struct FaultDecks {
    servers: FaultDeck<Fault>,
    middleware: FaultDeck<MiddlewareFault>,
}

impl DeviceRun {
    /// Rounds until the time is over, or too much is wrong.
    ///
    /// # Errors
    /// When a fault cannot be injected or repaired.
    pub(super) fn rounds(&mut self, plan: &DevicePlan) -> anyhow::Result<()> {
        let (deadline, mut random) =
            (Instant::now() + plan.time, SeededRandom::stream(plan.seed, u64::MAX - 1));
        let mut due = FaultDecks {
            servers: FaultDeck::new(&FAULTS),
            middleware: FaultDeck::new(&MiddlewareFault::ALL),
        };
        let mut rounds = 0;
        while (Instant::now() < deadline || rounds < LEAST_ROUNDS)
            && !self.world.simulation.violations.is_full()
        {
            // In a short run each round has its own fault of the middleware.
            let ends_in_round = rounds == 0 || self.middleware.active().is_some() || random.one_in(2);
            self.round(&mut due, &mut random)?;
            self.short_rests(ends_in_round, deadline, &mut random)?;
            rounds += 1;
        }
        self.middleware.finish(&self.world.simulation.violations)
    }

    fn round(&mut self, due: &mut FaultDecks, random: &mut SeededRandom) -> anyhow::Result<()> {
        let fault = due.servers.next(random).context("there are no faults")?;
        self.nemesis.note_healthy();
        self.world.work_on();
        self.work(random);
        if self.middleware.active().is_none()
            && let Some(fault) = due.middleware.next(random)
        {
            self.middleware.begin(fault, &self.world.simulation.violations)?;
        }
        self.nemesis.strike(fault)?;
        let beside = self.middleware.active().map_or("nothing", MiddlewareFault::name);
        self.middleware.end_if_short()?;
        self.world.note_repaired();
        self.work(random);
        for _ in 0..random.below(4) {
            self.strike_link(random);
        }
        self.rest_after(&format!("{}, beside {beside}", fault.name()))
    }

    /// Rests that short work precedes. A fault of the middleware that still lasts ends before one of them or goes on in the next round.
    fn short_rests(
        &mut self,
        ends: bool,
        deadline: Instant,
        random: &mut SeededRandom,
    ) -> anyhow::Result<()> {
        let end = random.below(SHORT_RESTS);
        for rest in 0..SHORT_RESTS {
            self.world.work_on();
            std::thread::sleep(SHORT_WORK);
            if rest == end && ends {
                self.middleware.end()?;
            }
            let without = self.middleware.active().map_or("work alone", MiddlewareFault::name);
            self.rest_after(without)?;
            if Instant::now() > deadline && self.middleware.active().is_none() {
                break;
            }
        }
        Ok(())
    }

    /// How often each fault was injected, as rows of the table.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let of_servers = self.nemesis.counts().into_iter().map(|(name, times)| (name, times.to_string()));
        of_servers.chain(self.middleware.rows()).collect()
    }

    /// Lets people rest, and compares all devices.
    fn rest_after(&mut self, what: &str) -> anyhow::Result<()> {
        self.world.rest()?;
        self.rests += 1;
        let begun = Instant::now();
        let found = self.judge.settle(&self.faces, SETTLE);
        self.slowest_settling = self.slowest_settling.max(begun.elapsed());
        self.world.report(&format!("at rest {} after {what}", self.rests), found);
        Ok(())
    }

    /// Lets people work while connections of their devices suffer.
    fn work(&self, random: &mut SeededRandom) {
        let begun = Instant::now();
        while begun.elapsed() < WORK {
            let pause = u64::try_from(random.below(150)).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(pause));
            self.strike_link(random);
        }
    }

    fn strike_link(&self, random: &mut SeededRandom) {
        let stall = Duration::from_millis(500 + random.next() % 2500);
        let (fault, name) = match random.below(10) {
            0..6 => (LinkFault::Reset, "connections reset"),
            6..8 => (LinkFault::Silence, "connections half-open"),
            _ => (LinkFault::Stall(stall), "connections stalled"),
        };
        let number = random.next();
        if random.pick(&self.world.gates).is_some_and(|gate| gate.strike(fault, number)) {
            self.world.count(name);
        }
    }
}
