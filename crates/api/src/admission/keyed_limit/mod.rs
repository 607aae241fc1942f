//! A keyed concurrency limit with load shedding: per key a few requests are in flight, a few more wait in a queue of the key's
//! own, first in, first out, and all others are refused.
//!
//! It is the semaphore of a bulkhead, once per key. A key that is idle takes no memory: its entry is made by its first request
//! and removed with its last. Entries lie in shards, each with a lock of its own, which is held for a look-up and never while
//! waiting.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::time::{sleep, timeout};
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How much of one key is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Requests in flight.
    pub(super) in_flight: usize,
    /// Requests that wait for their turn.
    pub(super) waiting: usize,
    /// Longest time that a request waits.
    pub(super) patience: Duration,
    /// How long a key whose requests wait rests after each of them: for each that waits, so many quarters of its duration, up to
    /// [`LONGEST_REST`]. A few requests at once, as an application makes them, hardly rest; a flood leaves most of the time of its places
    /// to others.
    pub(super) rest: u32,
}

/// The longest rest, in quarters of the duration of a request.
const LONGEST_REST: u32 = 12;
/// The longest rest.
const MAX_REST: Duration = Duration::from_secs(1);

/// Why a request is refused: too many of its key wait, or it has waited too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneFull;

/// The requests of one key.
struct Lane<K: Eq + Hash + Copy> {
    in_flight: usize,
    waiting: VecDeque<oneshot::Sender<Permit<K>>>,
}

type Shard<K> = Mutex<HashMap<K, Lane<K>, RandomState>>;

/// The limit and the lanes of all keys that have requests.
pub(crate) struct KeyedLimit<K: Eq + Hash + Copy> {
    bounds: Bounds,
    hasher: RandomState,
    shards: Vec<Shard<K>>,
}

/// The right of one request to be in flight. Dropping it hands it to the request of the same key that has waited longest.
pub(crate) struct Permit<K: Eq + Hash + Copy> {
    key: K,
    since: Instant,
    /// How long the request rests before it begins.
    rest: Duration,
    limit: Arc<KeyedLimit<K>>,
}

/// What becomes of a request on arrival.
pub(crate) enum Arrival<K: Eq + Hash + Copy> {
    /// It may proceed.
    Admitted(Permit<K>),
    /// It waits for its turn.
    Queued(Turn<K>),
    /// It is refused.
    Refused,
}

/// A place in a lane's queue; dropping it gives the place up.
pub(crate) struct Turn<K: Eq + Hash + Copy> {
    permit: oneshot::Receiver<Permit<K>>,
    patience: Duration,
}

impl<K: Eq + Hash + Copy> KeyedLimit<K> {
    /// More shards than cores, so that two workers seldom want the same lock.
    const SHARDS: usize = 64;

    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        let shards = std::iter::repeat_with(Shard::default).take(Self::SHARDS).collect();
        Arc::new(Self { bounds, hasher: RandomState::default(), shards })
    }

    fn shard(&self, key: &K) -> Option<&Shard<K>> {
        // The upper bits choose the shard, the map uses the lower ones.
        let number = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        self.shards.get(number % Self::SHARDS)
    }

    /// Admits, queues or refuses a request.
    pub(super) fn arrive(self: &Arc<Self>, key: K) -> Arrival<K> {
        let Some(shard) = self.shard(&key) else { return Arrival::Refused };
        let mut lanes = shard.lock();
        let lane = lanes.entry(key).or_insert_with(|| Lane { in_flight: 0, waiting: VecDeque::new() });
        if lane.in_flight < self.bounds.in_flight {
            lane.in_flight += 1;
            drop(lanes);
            return Arrival::Admitted(self.permit(key, Duration::ZERO));
        }
        if lane.waiting.len() >= self.bounds.waiting {
            // Requests that were given up leave their places at the latest now.
            lane.waiting.retain(|waiting| !waiting.is_closed());
        }
        if lane.waiting.len() >= self.bounds.waiting {
            return Arrival::Refused;
        }
        let (sender, permit) = oneshot::channel();
        lane.waiting.push_back(sender);
        Arrival::Queued(Turn { permit, patience: self.bounds.patience })
    }

    fn permit(self: &Arc<Self>, key: K, rest: Duration) -> Permit<K> {
        Permit { key, since: Instant::now(), rest, limit: Arc::clone(self) }
    }

    /// The next request that waits, and how many waited with it; without one the request that ended is uncounted, and an idle lane is
    /// removed.
    fn next(&self, key: K) -> Option<(oneshot::Sender<Permit<K>>, usize)> {
        let mut lanes = self.shard(&key)?.lock();
        let Entry::Occupied(mut lane) = lanes.entry(key) else { return None };
        let waiting = lane.get().waiting.len();
        if let Some(next) = lane.get_mut().waiting.pop_front() {
            return Some((next, waiting));
        }
        lane.get_mut().in_flight -= 1;
        if lane.get().in_flight == 0 {
            lane.remove();
        }
        None
    }

    /// Keys that have requests.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

impl<K: Eq + Hash + Copy> Drop for Permit<K> {
    fn drop(&mut self) {
        if let Some((next, waiting)) = self.limit.next(self.key) {
            // A request that was given up returns its permit, and this drop hands it to the one after it.
            let rest = self.limit.bounds.rest_after(self.since.elapsed(), waiting);
            drop(next.send(self.limit.permit(self.key, rest)));
        }
    }
}

impl Bounds {
    /// The rest after a request that took so long while so many of its key waited.
    fn rest_after(&self, took: Duration, waiting: usize) -> Duration {
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let quarters = self.rest.saturating_mul(waiting).min(LONGEST_REST);
        (took.saturating_mul(quarters) / 4).min(MAX_REST)
    }
}

impl<K: Eq + Hash + Copy> Arrival<K> {
    /// The permit, after waiting for it if need be.
    ///
    /// # Errors
    /// [`LaneFull`] when the request is refused or its turn does not come in time.
    pub(crate) async fn permit(self) -> Result<Permit<K>, LaneFull> {
        let Turn { permit, patience } = match self {
            Self::Admitted(permit) => return Ok(permit),
            Self::Queued(turn) => turn,
            Self::Refused => return Err(LaneFull),
        };
        let Ok(Ok(mut permit)) = timeout(patience, permit).await else { return Err(LaneFull) };
        if !permit.rest.is_zero() {
            sleep(permit.rest).await;
            permit.since = Instant::now();
        }
        Ok(permit)
    }
}

#[cfg(test)]
mod tests;
