//! Password hashing with bcrypt on a bounded thread pool of low priority, with load shedding: a login storm must not
//! slow down messages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bcrypt::BcryptError;
use domain::account::{Password, PasswordAttempt, PasswordHash, PasswordHasher};
use domain::error::PortError;
use hmac::{Hmac, KeyInit, Mac};
use prometheus::IntCounter;
use sha2::Sha256;

use crate::metrics::Collectors;
use crate::runtime::admission::AdmissionControl;
use crate::runtime::thread_pool::ThreadPool;

/// Hashes passwords with bcrypt.
pub struct BcryptHasher {
    cost: u32,
    checks: IntCounter,
    /// Verified against when there is no account, so that this takes as long.
    dummy_hash: PasswordHash,
    /// Decides how many jobs may wait.
    admission: Arc<AdmissionControl>,
    threads: ThreadPool,
}

/// Domain separation of the keyed hash. It is not secret. It must never change, because then no password would match.
const PURPOSE: &[u8] = b"hongyan password v1";

impl BcryptHasher {
    /// Upper bound of the queue for cheap checks; at cost 12 admission control allows fewer.
    const MAX_QUEUE_LENGTH: usize = 64;
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
        let admission = Arc::new(AdmissionControl::new(threads, Self::MAX_QUEUE_WAIT, begun.elapsed()));
        let threads = ThreadPool::start_with_setup(
            "bcrypt",
            threads.max(1),
            Self::MAX_QUEUE_LENGTH,
            Self::MAX_QUEUE_WAIT,
            lower_priority,
        )?;
        let checks =
            IntCounter::new("hongyan_password_checks_total", "Passwords compared with a stored hash.")?;
        Ok(Self { cost, checks, dummy_hash, admission, threads })
    }

    /// Queues a job and measures its duration for admission control.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, PortError> {
        self.check_capacity().await?;
        let admission = Arc::clone(&self.admission);
        let timed = move || {
            let begun = Instant::now();
            let done = work();
            admission.record(begun.elapsed());
            done
        };
        self.threads
            .run(timed)
            .await
            .map_err(|error| error.into_port_error(Self::RETRY_AFTER))?
            .map_err(PortError::internal)
    }

    /// Metrics of the queue and of the checks.
    ///
    /// # Errors
    /// When a metric name is invalid.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        let mut collectors = self.threads.collectors()?;
        collectors.push(Box::new(self.checks.clone()));
        Ok(collectors)
    }
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
    async fn check_capacity(&self) -> Result<(), PortError> {
        if self.admission.admits(self.threads.queue_len()) {
            return Ok(());
        }
        tokio::time::sleep(Self::REFUSAL_DELAY).await;
        Err(PortError::unavailable(Self::RETRY_AFTER, "the bcrypt queue is full"))
    }

    async fn hash(&self, password: &Password) -> Result<PasswordHash, PortError> {
        let (digest, cost) = (digest(password.expose())?, self.cost);
        self.run(move || bcrypt::hash(digest, cost)).await.map(PasswordHash::new)
    }

    async fn verify(&self, attempt: &PasswordAttempt, hash: Option<PasswordHash>) -> Result<bool, PortError> {
        let digest = digest(attempt.expose())?;
        let (hash, exists) = hash.map_or_else(|| (self.dummy_hash.clone(), false), |hash| (hash, true));
        let checks = self.checks.clone();
        let check = move || {
            checks.inc();
            bcrypt::verify(digest, hash.expose())
        };
        self.run(check).await.map(|matches| matches && exists)
    }
}

#[cfg(test)]
mod tests {
    use domain::error::{DomainError, ErrorKind};
    use secrecy::SecretString;

    use super::*;

    fn hasher() -> BcryptHasher {
        BcryptHasher::start(4, 1).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(SecretString::from(text)).unwrap()
    }

    fn attempt(text: &str) -> PasswordAttempt {
        PasswordAttempt::new(&SecretString::from(text))
    }

    #[tokio::test]
    async fn every_byte_of_a_password_matters() {
        let hasher = hasher();
        for length in [8, 64, 70, 71, 72, 73, 74, 100, 128] {
            let text = format!("{}x", "长a".repeat(64)).chars().take(length).collect::<String>();
            let hash = hasher.hash(&password(&text)).await.unwrap();
            assert!(hasher.verify(&attempt(&text), Some(hash.clone())).await.unwrap(), "{length}");
            let shorter: String = text.chars().take(length - 1).collect();
            assert!(!hasher.verify(&attempt(&shorter), Some(hash.clone())).await.unwrap(), "{length}");
            let other = format!("{shorter}!");
            assert!(!hasher.verify(&attempt(&other), Some(hash)).await.unwrap(), "{length}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn verification_threads_run_at_low_priority() {
        let hasher = hasher();
        let status = hasher.threads.run(|| std::fs::read_to_string("/proc/thread-self/stat").unwrap());
        let status = status.await.unwrap();
        // proc(5): the 19th field, of which the second may contain spaces and ends with a parenthesis.
        let after_name = status.rsplit_once(") ").unwrap().1;
        assert_eq!(after_name.split(' ').nth(16), Some("10"));
    }

    #[tokio::test]
    async fn an_overlong_queue_sheds_load() {
        let mut hasher = hasher();
        let job = BcryptHasher::MAX_QUEUE_WAIT.mul_f64(0.6);
        hasher.admission = Arc::new(AdmissionControl::new(1, BcryptHasher::MAX_QUEUE_WAIT, job));
        let hasher = Arc::new(hasher);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        assert!(hasher.threads.try_spawn(move || {
            let _ = begun.send(());
            let _ = blocked.recv();
        }));
        has_begun.await.unwrap();
        assert!(hasher.check_capacity().await.is_ok(), "the queue is empty");
        let first = tokio::spawn({
            let hasher = Arc::clone(&hasher);
            async move { hasher.verify(&attempt("anything"), None).await }
        });
        while hasher.threads.queue_len() == 0 {
            tokio::task::yield_now().await;
        }
        let retry_after = BcryptHasher::RETRY_AFTER;
        for refused in
            [hasher.check_capacity().await, hasher.verify(&attempt("anything"), None).await.map(|_| ())]
        {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable { retry_after });
        }
        assert!(hasher.hash(&password("anything at all")).await.is_err());
        assert_eq!(hasher.checks.get(), 0);
        drop(release);
        assert!(!first.await.unwrap().unwrap(), "the queued check runs");
        assert!(hasher.check_capacity().await.is_ok());
    }

    #[tokio::test]
    async fn equivalent_unicode_spellings_match() {
        let hasher = hasher();
        let hash = hasher.hash(&password("ｐａｓｓphrase é")).await.unwrap();
        assert!(hasher.verify(&attempt("passphrase e\u{301}"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_a_check_and_never_matches() {
        let hasher = hasher();
        let before = hasher.checks.get();
        assert!(!hasher.verify(&attempt(""), None).await.unwrap());
        assert!(!hasher.verify(&attempt("\0\0 any bytes"), None).await.unwrap());
        assert_eq!(hasher.checks.get() - before, 2);
    }

    #[test]
    fn the_digest_never_changes() {
        assert_eq!(digest("correct horse").unwrap(), digest("correct horse").unwrap());
        assert_eq!(digest("correct horse").unwrap().len(), 43);
        assert_eq!(digest("鸿雁传书").unwrap(), "iAJcJlw3LtoWqLh39l1DWEGKK4VIywTX89IABSObTms");
    }

    #[test]
    fn a_cost_out_of_range_is_refused() {
        assert!(BcryptHasher::start(3, 1).is_err());
        assert!(BcryptHasher::start(32, 1).is_err());
    }
}
