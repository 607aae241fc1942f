//! Shared state: what all threads of a run with devices use.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socket_proxy::TcpProxy;

use super::device_state::DeviceState;
use crate::fleet::{Fleet, ServerAddress};
use crate::seeded_random::SeededRandom;
use crate::simulation::Simulation;
use crate::violation::Violation;

/// What all threads of a run with devices share.
pub(super) struct DeviceWorld {
    pub(super) simulation: Arc<Simulation>,
    /// The way of devices to each instance, and to both through nginx.
    pub(super) gates: Vec<TcpProxy>,
    /// The base URL of nginx.
    front: String,
    /// Whether people rest.
    is_quiet: AtomicBool,
    /// People's calls under way.
    busy: AtomicUsize,
    /// Since when all servers and their database have been there.
    repaired: Mutex<Instant>,
    tally: Mutex<BTreeMap<String, u64>>,
}

/// A wrong step that a device takes on purpose, which must be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mischief {
    /// The next frame of this type is not applied.
    Drop(&'static str),
    /// The next frame of this type waits to be applied; the next cursor is kept nevertheless, and then the device dies.
    KeepTooEarly(&'static str),
}

/// What the judge sees of a device.
pub(super) struct DeviceFace {
    pub(super) person: usize,
    pub(super) name: String,
    pub(super) has_socket: bool,
    pub(super) state: Mutex<DeviceState>,
    pub(super) mischief: Mutex<Option<Mischief>>,
    /// Whether the device begins again as a new one.
    pub(super) forgets: AtomicBool,
}

impl DeviceWorld {
    /// A world whose gates lead to the servers of the simulation and to nginx at `front`.
    ///
    /// # Errors
    /// When a gate cannot be opened.
    pub(super) fn new(simulation: Arc<Simulation>, front: String) -> anyhow::Result<Self> {
        let gate = |instance| {
            let fleet = Arc::clone(&simulation.fleet);
            Ok(TcpProxy::open(move || address_of(&fleet.address(instance)?.base))?)
        };
        let mut gates = (0..Fleet::SIZE).map(gate).collect::<anyhow::Result<Vec<_>>>()?;
        let nginx = address_of(&front);
        gates.push(TcpProxy::open(move || nginx)?);
        let (is_quiet, busy, tally) = Default::default();
        let repaired = Mutex::new(Instant::now());
        Ok(Self { simulation, gates, front, is_quiet, busy, repaired, tally })
    }

    /// One of the gates, and whether it leads through nginx.
    pub(super) fn gate(&self, random: &mut SeededRandom) -> Option<(SocketAddr, bool)> {
        let number = random.below(self.gates.len());
        Some((self.gates.get(number)?.address(), number == Fleet::SIZE))
    }

    /// Where a person calls: one of the servers, or nginx.
    pub(super) fn server(&self, random: &mut SeededRandom) -> ServerAddress {
        match random.below(Fleet::SIZE + 1) {
            // Of no instance, because nginx chooses one.
            Fleet::SIZE => ServerAddress { instance: Fleet::SIZE, incarnation: 0, base: self.front.clone() },
            instance => self.simulation.fleet.choose(instance),
        }
    }

    pub(super) fn count(&self, what: &str) {
        *self.tally.lock().entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn tally(&self) -> BTreeMap<String, u64> {
        self.tally.lock().clone()
    }

    pub(super) fn report(&self, reporter: &str, found: Vec<Violation>) {
        for Violation { rule, detail } in found {
            self.simulation.violations.add(rule, format!("{reporter}: {detail}"));
        }
    }

    pub(super) fn note_repaired(&self) {
        *self.repaired.lock() = Instant::now();
    }

    /// How long nothing has stood in the way of what happened then.
    pub(super) fn healthy_since(&self, then: Instant) -> Duration {
        then.max(*self.repaired.lock()).elapsed()
    }

    pub(super) fn is_over(&self) -> bool {
        self.simulation.over.load(Ordering::Relaxed)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::SeqCst)
    }

    /// Carries out a call of a person, unless people rest.
    pub(super) fn at_work(&self, work: impl FnOnce()) {
        self.busy.fetch_add(1, Ordering::SeqCst);
        if !self.is_quiet() {
            work();
        }
        self.busy.fetch_sub(1, Ordering::SeqCst);
    }

    /// Lets people rest, and waits for their last calls.
    pub(super) fn rest(&self) -> anyhow::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(60);
        self.is_quiet.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while self.busy.load(Ordering::SeqCst) > 0 {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "a call of a person does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(super) fn work_on(&self) {
        self.is_quiet.store(false, Ordering::SeqCst);
    }
}

fn address_of(base: &str) -> Option<SocketAddr> {
    base.trim_start_matches("http://").parse().ok()
}
