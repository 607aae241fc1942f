//! Password hashing with bcrypt on a bounded thread pool of low priority, with load shedding and fair queueing: a login storm must
//! not slow down messages, and no client's logins or registrations must shut the others out.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bcrypt::BcryptError;
use domain::account::{HashingTurn, Password, PasswordAttempt, PasswordHash, PasswordHasher};
use domain::error::PortError;
use domain::id::UserId;
use hmac::{Hmac, KeyInit, Mac};
use prometheus::{IntCounter, IntCounterVec};
use sha2::Sha256;

use crate::metrics::{self, Collectors};
use crate::runtime::fair_pool::{FairPool, FairPoolSettings, Place};
use crate::runtime::thread_pool::JobError;

/// Hashes passwords with bcrypt.
pub struct BcryptHasher {
    cost: u32,
    checks: IntCounter,
    refusals: IntCounterVec,
    /// Verified against when there is no account, so that this takes as long.
    dummy_hash: PasswordHash,
    threads: FairPool<HashingTurn>,
}

/// Domain separation of the keyed hash. It is not secret. It must never change, because then no password would match.
const PURPOSE: &[u8] = b"hongyan password v1";

/// Kinds of work with a queue each, which take turns.
#[derive(Debug, Clone, Copy)]
enum PasswordQueue {
    Logins,
    Registrations,
    Upgrades,
}

impl PasswordQueue {
    /// Upper bounds of the queues for cheap work, in the order of the lanes; at cost 12 admission control allows fewer.
    const CAPACITIES: [usize; 3] = [64, 16, 8];

    const fn of(turn: HashingTurn) -> Self {
        match turn {
            HashingTurn::Login(_) | HashingTurn::Account(_) => Self::Logins,
            HashingTurn::Registration(_) => Self::Registrations,
        }
    }

    /// The queues whose refusals are counted; an upgrade is dropped, not refused.
    const NAMES: [&'static str; 2] = [Self::Logins.name(), Self::Registrations.name()];

    /// The value of the label in metrics and log.
    const fn name(self) -> &'static str {
        match self {
            Self::Logins => "login",
            Self::Registrations => "registration",
            Self::Upgrades => "upgrade",
        }
    }
}

const fn place(turn: HashingTurn) -> Place<HashingTurn> {
    Place { lane: PasswordQueue::of(turn) as usize, flow: turn }
}

impl BcryptHasher {
    /// Longest time a job may wait for a thread.
    const MAX_QUEUE_WAIT: Duration = Duration::from_secs(5);
    /// The `Retry-After` value of refused requests.
    const RETRY_AFTER: Duration = Duration::from_secs(2);
    /// Delay of each refusal. Clients that ignore `Retry-After` would otherwise cause tens of thousands of refusals per
    /// second, which would starve the low-priority checks of CPU.
    const REFUSAL_DELAY: Duration = Duration::from_millis(100);

    /// Starts `threads` threads. `cost` is the binary logarithm of the number of rounds (4 to 31).
    ///
    /// # Errors
    /// When the cost is out of range or a thread cannot be started.
    pub fn start(cost: u32, threads: usize) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut unknown = [0; 32];
        getrandom::fill(&mut unknown).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let dummy_hash = PasswordHash::new(bcrypt::hash(STANDARD_NO_PAD.encode(unknown), cost)?);
        Self::with_estimate(cost, threads, dummy_hash, begun.elapsed())
    }

    /// As [`Self::start`]; a job is estimated to take as long as given, until jobs are measured.
    fn with_estimate(
        cost: u32,
        threads: usize,
        dummy_hash: PasswordHash,
        initial_estimate: Duration,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let settings = FairPoolSettings {
            name: "bcrypt",
            threads,
            lanes: &PasswordQueue::CAPACITIES,
            max_queue_wait: Self::MAX_QUEUE_WAIT,
            initial_estimate,
        };
        let threads = FairPool::start(settings, lower_priority)?;
        let checks =
            IntCounter::new("hongyan_password_checks_total", "Passwords compared with a stored hash.")?;
        let help = "Logins and registrations refused because their queue was full.";
        let refusals =
            metrics::counters("hongyan_password_refusals_total", help, "queue", &PasswordQueue::NAMES)?;
        Ok(Self { cost, checks, refusals, dummy_hash, threads })
    }

    /// Queues a job and waits for its result.
    async fn run<T: Send + 'static>(
        &self,
        turn: HashingTurn,
        work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, PortError> {
        match self.threads.run(place(turn), work).await {
            Ok(result) => result.map_err(PortError::internal),
            Err(error @ JobError::Panicked(_)) => Err(error.into_port_error(Self::RETRY_AFTER)),
            Err(error) => Err(self.refuse(turn, error).await),
        }
    }

    async fn refuse(&self, turn: HashingTurn, error: JobError) -> PortError {
        let queue = PasswordQueue::of(turn).name();
        self.refusals.with_label_values(&[queue]).inc();
        // The log keeps at most one line per kind and second.
        tracing::warn!(kind = queue, queue, %error, "too many passwords to check");
        tokio::time::sleep(Self::REFUSAL_DELAY).await;
        error.into_port_error(Self::RETRY_AFTER)
    }

    /// Whether the hash has a lower cost than new ones.
    pub(super) fn is_outdated(&self, hash: &PasswordHash) -> bool {
        cost_of(hash.expose()).is_some_and(|cost| cost < self.cost)
    }

    /// Hashes a password that was right, in the background: in a queue of its own, and not at all if that is full.
    ///
    /// # Errors
    /// `Unavailable` when the queue is too long.
    pub(super) async fn rehash(
        &self,
        user: UserId,
        attempt: &PasswordAttempt,
    ) -> Result<PasswordHash, PortError> {
        let (digest, cost) = (digest(attempt.expose())?, self.cost);
        let place = Place { lane: PasswordQueue::Upgrades as usize, flow: HashingTurn::Account(user) };
        let hashed = self.threads.run(place, move || bcrypt::hash(digest, cost)).await;
        let hash = hashed.map_err(|error| error.into_port_error(Self::RETRY_AFTER))?;
        hash.map(PasswordHash::new).map_err(PortError::internal)
    }

    /// Metrics of the queue, of the checks and of the refusals.
    ///
    /// # Errors
    /// When a metric name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let mut collectors = self.threads.collectors()?;
        collectors.push(Box::new(self.checks.clone()));
        collectors.push(Box::new(self.refusals.clone()));
        Ok(collectors)
    }
}

/// The cost of a hash: the number in `$2b$12$…`.
fn cost_of(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

/// Adds the work by which a check at `cost` falls short of one at `present`, so that the time of a login does not reveal an account
/// whose hash is outdated: 2ⁿ + 2ⁿ + 2ⁿ⁺¹ + … + 2ᵐ⁻¹ rounds are 2ᵐ rounds.
fn make_up_for_lower_cost(digest: &str, cost: u32, present: u32) -> Result<(), BcryptError> {
    missing_costs(cost, present).try_for_each(|missing| bcrypt::hash(digest, missing).map(drop))
}

/// The costs at which one hash each makes up for the difference.
const fn missing_costs(cost: u32, present: u32) -> std::ops::Range<u32> {
    cost..present
}

/// Lowers the priority of the calling thread: a check is a quarter of a second of pure computation, and messages must
/// not wait for it. Does nothing on systems without thread priorities.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        /// About a tenth of the CPU share of a thread of normal priority.
        const NICENESS: i32 = 10;
        // On Linux `None` means the calling thread.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::warn!(%error, "cannot lower the priority of the password threads");
        }
    }
}

/// The input of bcrypt: a keyed digest, because bcrypt ignores everything after 72 bytes. In base64 it has 43 bytes.
fn digest(password: &str) -> Result<String, PortError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(PURPOSE).map_err(PortError::internal)?;
    mac.update(password.as_bytes());
    Ok(STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn check_capacity(&self, turn: HashingTurn) -> Result<(), PortError> {
        if self.threads.admits(place(turn)) {
            return Ok(());
        }
        Err(self.refuse(turn, JobError::QueueFull("bcrypt")).await)
    }

    async fn hash(&self, turn: HashingTurn, password: &Password) -> Result<PasswordHash, PortError> {
        let (digest, cost) = (digest(password.expose())?, self.cost);
        self.run(turn, move || bcrypt::hash(digest, cost)).await.map(PasswordHash::new)
    }

    async fn verify(
        &self,
        turn: HashingTurn,
        attempt: &PasswordAttempt,
        hash: Option<PasswordHash>,
    ) -> Result<bool, PortError> {
        let digest = digest(attempt.expose())?;
        let (hash, exists) = hash.map_or_else(|| (self.dummy_hash.clone(), false), |hash| (hash, true));
        let (checks, present) = (self.checks.clone(), self.cost);
        let check = move || {
            checks.inc();
            let matches = bcrypt::verify(&digest, hash.expose())?;
            make_up_for_lower_cost(&digest, cost_of(hash.expose()).unwrap_or(present), present)?;
            Ok(matches)
        };
        self.run(turn, check).await.map(|matches| matches && exists)
    }
}

#[cfg(test)]
mod tests;
