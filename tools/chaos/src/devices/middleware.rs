//! Fault injection on the middleware: nginx between devices and servers, and a NATS server between the servers.
//!
//! A fault begins before that of a server or of PostgreSQL in the same round, so that both last at the same time. NATS can stay away
//! while devices are compared: signals are hints, and without them nothing may be missed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::load_balancer::LoadBalancer;
use crate::nats_server::NatsServer;
use crate::seeded_random::SeededRandom;
use crate::violation::{ViolatedRule, ViolationLog};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MiddlewareFault {
    NatsAway,
    NginxKilled,
    NginxReloaded,
    NatsRestarted,
    NatsPaused,
}

impl MiddlewareFault {
    /// Those of a short run first.
    pub(super) const ALL: [Self; 5] =
        [Self::NatsAway, Self::NginxKilled, Self::NginxReloaded, Self::NatsRestarted, Self::NatsPaused];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NatsAway => "NATS killed (SIGKILL), away at rests",
            Self::NginxKilled => "nginx killed (SIGKILL) and started again",
            Self::NginxReloaded => "nginx reloaded (SIGHUP)",
            Self::NatsRestarted => "NATS killed (SIGKILL) and started again",
            Self::NatsPaused => "NATS paused (SIGSTOP, SIGCONT), at rests",
        }
    }

    /// Whether it lasts while devices are compared.
    const fn lasts(self) -> bool {
        matches!(self, Self::NatsAway | Self::NatsPaused)
    }
}

/// Chooses the faults of the rounds: each kind in turn, in an order that changes.
#[derive(Debug)]
pub(super) struct FaultDeck<Kind> {
    kinds: Vec<Kind>,
    due: Vec<Kind>,
}

impl<Kind: Copy> FaultDeck<Kind> {
    /// A deck that first gives the kinds in this order.
    pub(super) fn new(kinds: &[Kind]) -> Self {
        Self { kinds: kinds.to_vec(), due: kinds.iter().rev().copied().collect() }
    }

    /// The next kind; `None` if there are no kinds.
    pub(super) fn next(&mut self, random: &mut SeededRandom) -> Option<Kind> {
        if self.due.is_empty() {
            self.due = self.kinds.clone();
            random.shuffle(&mut self.due);
        }
        self.due.pop()
    }
}

/// nginx and a NATS server, and what has happened to them.
pub(super) struct Middleware {
    pub(super) load_balancer: LoadBalancer,
    pub(super) nats: NatsServer,
    /// The fault that lasts, and since when.
    active: Option<(MiddlewareFault, Instant)>,
    times: BTreeMap<MiddlewareFault, u64>,
    longest: BTreeMap<MiddlewareFault, Duration>,
    /// Signals that passed through NATS servers that were killed.
    signals: u64,
    nats_since: Instant,
}

/// How long servers may take to find NATS again.
const FOUND_AGAIN: Duration = Duration::from_secs(15);

impl Middleware {
    /// Starts both with their files in the folder.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        let nats = NatsServer::start(folder)?;
        let load_balancer = LoadBalancer::start(folder)?;
        let (active, times, longest, signals) = Default::default();
        let nats_since = Instant::now();
        Ok(Self { load_balancer, nats, active, times, longest, signals, nats_since })
    }

    /// The fault that has not ended.
    pub(super) fn active(&self) -> Option<MiddlewareFault> {
        self.active.map(|(fault, _)| fault)
    }

    /// Begins a fault. The one before must have ended.
    ///
    /// # Errors
    /// When it cannot be injected.
    pub(super) fn begin(&mut self, fault: MiddlewareFault, violations: &ViolationLog) -> anyhow::Result<()> {
        anyhow::ensure!(self.active.is_none(), "the fault before has not ended");
        match fault {
            MiddlewareFault::NginxKilled => self.load_balancer.kill()?,
            MiddlewareFault::NginxReloaded => self.load_balancer.reload()?,
            MiddlewareFault::NatsAway | MiddlewareFault::NatsRestarted => {
                self.signals += self.signals_since_start(violations);
                self.nats.kill()?;
            }
            MiddlewareFault::NatsPaused => self.nats.pause(),
        }
        self.active = Some((fault, Instant::now()));
        *self.times.entry(fault).or_default() += 1;
        Ok(())
    }

    fn signals_since_start(&self, violations: &ViolationLog) -> u64 {
        let signals = self.nats.received().unwrap_or_default();
        let time = self.nats_since.elapsed();
        if signals == 0 && time > FOUND_AGAIN {
            let detail = format!("no signal has passed through NATS in {} s", time.as_secs());
            violations.add(ViolatedRule::Recovery, detail);
        }
        signals
    }

    /// Ends the fault, unless it lasts while devices are compared.
    ///
    /// # Errors
    /// When it cannot be repaired.
    pub(super) fn end_if_short(&mut self) -> anyhow::Result<()> {
        if self.active.is_some_and(|(fault, _)| !fault.lasts()) {
            self.end()?;
        }
        Ok(())
    }

    /// Ends the fault, if there is one.
    ///
    /// # Errors
    /// When it cannot be repaired.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        let Some((fault, begun)) = self.active.take() else { return Ok(()) };
        match fault {
            MiddlewareFault::NginxKilled => self.load_balancer.restart()?,
            MiddlewareFault::NginxReloaded => {}
            MiddlewareFault::NatsAway | MiddlewareFault::NatsRestarted => {
                self.nats.restart()?;
                self.nats_since = Instant::now();
            }
            MiddlewareFault::NatsPaused => self.nats.go_on(),
        }
        let longest = self.longest.entry(fault).or_default();
        *longest = begun.elapsed().max(*longest);
        Ok(())
    }

    /// Ends the last fault. A run in which no signal passed through NATS proves nothing about it.
    ///
    /// # Errors
    /// When it cannot be repaired.
    pub(super) fn finish(&mut self, violations: &ViolationLog) -> anyhow::Result<()> {
        self.end()?;
        if self.signals() == 0 {
            violations.add(ViolatedRule::Recovery, "no signal has passed through NATS");
        }
        Ok(())
    }

    fn signals(&self) -> u64 {
        self.signals + self.nats.received().unwrap_or_default()
    }

    /// What has happened, as rows of the table.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let row = |fault: MiddlewareFault| {
            let times = self.times.get(&fault).copied().unwrap_or_default();
            let longest = self.longest.get(&fault).copied().unwrap_or_default();
            (fault.name(), format!("{times}, for at most {} ms", longest.as_millis()))
        };
        let passed = ("signals through NATS", self.signals().to_string());
        MiddlewareFault::ALL.map(row).into_iter().chain([passed]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deck_gives_each_kind_once_in_a_cycle() {
        let (mut deck, mut random) = (FaultDeck::new(&MiddlewareFault::ALL), SeededRandom::stream(1, 1));
        let mut round = || -> Vec<MiddlewareFault> {
            MiddlewareFault::ALL.iter().filter_map(|_| deck.next(&mut random)).collect()
        };
        assert_eq!(round(), MiddlewareFault::ALL, "the first round is in order");
        let mut rounds = Vec::new();
        for _ in 0..5 {
            let mut kinds = round();
            rounds.push(kinds.clone());
            kinds.sort_unstable();
            assert_eq!(kinds, MiddlewareFault::ALL);
        }
        assert!(rounds.windows(2).any(|pair| pair.first() != pair.last()), "{rounds:?}");
    }

    #[test]
    fn a_deck_without_kinds_gives_nothing() {
        assert_eq!(FaultDeck::<u8>::new(&[]).next(&mut SeededRandom::stream(1, 1)), None);
    }
}
