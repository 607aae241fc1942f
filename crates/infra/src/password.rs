//! Passwords: bcrypt, on threads of its own, so that a storm of logins starves nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bcrypt::BcryptError;
use domain::error::PortError;
use domain::user::{Password, PasswordAttempt, PasswordHash, PasswordHasher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::metrics::Collectors;
use crate::pace::Pace;
use crate::threads::{JobError, Threads};

/// How many passwords were checked since the start.
#[derive(Debug, Default)]
pub struct CheckCounter(AtomicU64);

impl CheckCounter {
    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Hashes passwords with bcrypt.
pub struct BcryptHasher {
    cost: u32,
    checks: Arc<CheckCounter>,
    /// Compared with when there is no account, so that this costs the same.
    nobody: PasswordHash,
    /// Knows how many may wait.
    pace: Arc<Pace>,
    threads: Threads,
}

/// Names what the keyed hash is for. It is no secret and must never change, or no password would match any more.
const PURPOSE: &[u8] = b"hongyan password v1";

impl BcryptHasher {
    /// How many may wait at the most, however cheap a check is; at cost 12 the pace allows fewer.
    const QUEUE: usize = 64;
    /// How long anybody waits for a thread.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// What those who are sent away are told to wait.
    const RETRY_AFTER: Duration = Duration::from_secs(2);
    /// How long they wait for being told. Some come again at once whatever they are told, and refusing tens of thousands of
    /// times a second would leave the checks, which let everybody go first, next to nothing of the processor.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Starts `threads` threads; `cost` is the logarithm of the number of rounds (4 to 31).
    ///
    /// # Errors
    /// When the cost is out of range or the system starts no more threads.
    pub fn start(cost: u32, threads: usize) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut unknown = [0; 32];
        getrandom::fill(&mut unknown).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let nobody = PasswordHash::new(bcrypt::hash(STANDARD_NO_PAD.encode(unknown), cost)?);
        let pace = Arc::new(Pace::new(threads, Self::PATIENCE, begun.elapsed()));
        let threads =
            Threads::start_prepared("bcrypt", threads.max(1), Self::QUEUE, Self::PATIENCE, step_back)?;
        Ok(Self { cost, checks: Arc::default(), nobody, pace, threads })
    }

    /// Runs one check or one hash when its turn comes, and learns from it how many may wait.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, PortError> {
        self.check_capacity().await?;
        let pace = Arc::clone(&self.pace);
        let timed = move || {
            let begun = Instant::now();
            let done = work();
            pace.note(begun.elapsed());
            done
        };
        self.threads.run(timed).await.map_err(unavailable)?.map_err(PortError::internal)
    }

    /// Counts the checks.
    #[must_use]
    pub fn checks(&self) -> Arc<CheckCounter> {
        Arc::clone(&self.checks)
    }

    /// What is told of the queue for checks.
    ///
    /// # Errors
    /// When a name cannot be used.
    pub fn collectors(&self) -> std::io::Result<Collectors> {
        self.threads.collectors()
    }
}

/// Lets everybody else's threads go first: a check is nothing but a quarter of a second of computing, and a message that
/// waits for it would be late. Where the system has no priorities for threads, all are equal.
fn step_back() {
    #[cfg(target_os = "linux")]
    {
        /// About a tenth of what a thread of normal priority gets of a core that both want.
        const NICENESS: i32 = 10;
        // To Linux no process means the calling thread.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::warn!(%error, "checking passwords cannot be given a lower priority");
        }
    }
}

/// What bcrypt is given: it stops reading after 72 bytes, and a digest is 43 of base64, however long the password is.
fn digest(password: &str) -> Result<String, PortError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(PURPOSE).map_err(PortError::internal)?;
    mac.update(password.as_bytes());
    Ok(STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn unavailable(error: JobError) -> PortError {
    match error {
        JobError::Panicked(_) => PortError::internal(error),
        _ => PortError::unavailable(BcryptHasher::RETRY_AFTER, error),
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn check_capacity(&self) -> Result<(), PortError> {
        if self.pace.admits(self.threads.waiting()) {
            return Ok(());
        }
        tokio::time::sleep(Self::PAUSE).await;
        Err(PortError::unavailable(Self::RETRY_AFTER, "too many wait for bcrypt"))
    }

    async fn hash(&self, password: &Password) -> Result<PasswordHash, PortError> {
        let (digest, cost) = (digest(password.expose())?, self.cost);
        self.run(move || bcrypt::hash(digest, cost)).await.map(PasswordHash::new)
    }

    async fn verify(&self, attempt: &PasswordAttempt, hash: Option<PasswordHash>) -> Result<bool, PortError> {
        let digest = digest(attempt.expose())?;
        let (hash, exists) = hash.map_or_else(|| (self.nobody.clone(), false), |hash| (hash, true));
        let checks = self.checks();
        let check = move || {
            checks.0.fetch_add(1, Ordering::Relaxed);
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
        Password::parse("password", SecretString::from(text)).unwrap()
    }

    fn attempt(text: &str) -> PasswordAttempt {
        PasswordAttempt::new(&SecretString::from(text))
    }

    #[tokio::test]
    async fn a_password_matches_itself_only_down_to_its_last_byte() {
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
    async fn checks_let_everybody_else_go_first() {
        let hasher = hasher();
        let status = hasher.threads.run(|| std::fs::read_to_string("/proc/thread-self/stat").unwrap());
        let status = status.await.unwrap();
        // proc(5): the 19th field, of which the second may contain spaces and ends with a parenthesis.
        let after_name = status.rsplit_once(") ").unwrap().1;
        assert_eq!(after_name.split(' ').nth(16), Some("10"));
    }

    #[tokio::test]
    async fn whoever_would_wait_longer_than_anybody_does_is_sent_away() {
        let mut hasher = hasher();
        let job = BcryptHasher::PATIENCE.mul_f64(0.6);
        hasher.pace = Arc::new(Pace::new(1, BcryptHasher::PATIENCE, job));
        let hasher = Arc::new(hasher);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        assert!(hasher.threads.post(move || {
            let _ = begun.send(());
            let _ = blocked.recv();
        }));
        has_begun.await.unwrap();
        assert!(hasher.check_capacity().await.is_ok(), "nobody waits");
        let first = tokio::spawn({
            let hasher = Arc::clone(&hasher);
            async move { hasher.verify(&attempt("anything"), None).await }
        });
        while hasher.threads.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let retry_after = BcryptHasher::RETRY_AFTER;
        for refused in
            [hasher.check_capacity().await, hasher.verify(&attempt("anything"), None).await.map(|_| ())]
        {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable { retry_after });
        }
        assert!(hasher.hash(&password("anything at all")).await.is_err());
        assert_eq!(hasher.checks().get(), 0);
        drop(release);
        assert!(!first.await.unwrap().unwrap(), "it has its turn");
        assert!(hasher.check_capacity().await.is_ok());
    }

    #[tokio::test]
    async fn spellings_that_look_alike_match() {
        let hasher = hasher();
        let hash = hasher.hash(&password("ｐａｓｓphrase é")).await.unwrap();
        assert!(hasher.verify(&attempt("passphrase e\u{301}"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_logs_in_without_an_account_and_it_costs_a_check_each() {
        let hasher = hasher();
        let before = hasher.checks().get();
        assert!(!hasher.verify(&attempt(""), None).await.unwrap());
        assert!(!hasher.verify(&attempt("\0\0 any bytes"), None).await.unwrap());
        assert_eq!(hasher.checks().get() - before, 2);
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
