use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use domain::error::{DomainError, ErrorKind};
use domain::login_throttle::ClientAddress;
use secrecy::SecretString;
use tokio::task::JoinHandle;

use super::*;

const LOGIN: HashingTurn = HashingTurn::Login(None);

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
        let hash = hasher.hash(LOGIN, &password(&text)).await.unwrap();
        assert!(hasher.verify(LOGIN, &attempt(&text), Some(hash.clone())).await.unwrap(), "{length}");
        let shorter: String = text.chars().take(length - 1).collect();
        assert!(!hasher.verify(LOGIN, &attempt(&shorter), Some(hash.clone())).await.unwrap(), "{length}");
        let other = format!("{shorter}!");
        assert!(!hasher.verify(LOGIN, &attempt(&other), Some(hash)).await.unwrap(), "{length}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn verification_threads_run_at_low_priority() {
    let hasher = hasher();
    let status = hasher.run(LOGIN, || Ok(std::fs::read_to_string("/proc/thread-self/stat").unwrap()));
    let status = status.await.unwrap();
    // proc(5): the 19th field, of which the second may contain spaces and ends with a parenthesis.
    let after_name = status.rsplit_once(") ").unwrap().1;
    assert_eq!(after_name.split(' ').nth(16), Some("10"));
}

/// A hasher of one thread that is blocked until the sender is dropped, with this estimate of a job's duration.
async fn blocked(estimate: Duration) -> (Arc<BcryptHasher>, Sender<()>) {
    let dummy_hash = PasswordHash::new(bcrypt::hash("unknown", 4).unwrap());
    let hasher = Arc::new(BcryptHasher::with_estimate(4, 1, dummy_hash, estimate).unwrap());
    let (release, blocked) = channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let blocking = Arc::clone(&hasher);
    tokio::spawn(async move {
        let block = move || {
            let _ = begun.send(());
            let _ = blocked.recv();
            Ok(())
        };
        blocking.run(LOGIN, block).await
    });
    has_begun.await.unwrap();
    (hasher, release)
}

type Verified = JoinHandle<Result<bool, PortError>>;

/// Queues a check and waits until it is queued.
async fn queue(hasher: &Arc<BcryptHasher>, turn: HashingTurn) -> Verified {
    let (before, checking) = (hasher.threads.queue_len(), Arc::clone(hasher));
    let check = tokio::spawn(async move { checking.verify(turn, &attempt("anything"), None).await });
    while hasher.threads.queue_len() == before && !check.is_finished() {
        tokio::task::yield_now().await;
    }
    check
}

fn from(last: u8) -> Option<ClientAddress> {
    ClientAddress::new([192, 0, 2, last].into())
}

fn is_refused<T>(result: Result<T, PortError>) -> bool {
    let retry_after = BcryptHasher::RETRY_AFTER;
    result.is_err_and(|error| error.kind() == ErrorKind::Unavailable { retry_after })
}

#[tokio::test]
async fn an_overlong_queue_sheds_load() {
    let (hasher, release) = blocked(BcryptHasher::MAX_QUEUE_WAIT.mul_f64(0.6)).await;
    assert!(hasher.check_capacity(LOGIN).await.is_ok(), "the queue is empty");
    let first = queue(&hasher, LOGIN).await;
    assert!(is_refused(hasher.check_capacity(LOGIN).await));
    assert!(is_refused(hasher.verify(LOGIN, &attempt("anything"), None).await));
    assert!(is_refused(hasher.hash(LOGIN, &password("anything at all")).await));
    assert_eq!(hasher.checks.get(), 0);
    assert_eq!(hasher.refusals.with_label_values(&["login"]).get(), 3);
    drop(release);
    assert!(!first.await.unwrap().unwrap(), "the queued check runs");
    assert!(hasher.check_capacity(LOGIN).await.is_ok());
}

#[tokio::test]
async fn registrations_from_one_address_shut_no_login_out() {
    let (hasher, release) = blocked(Duration::from_millis(450)).await;
    let registration = HashingTurn::Registration(from(1));
    let mut queued = Vec::new();
    for _ in 0..12 {
        queued.push(queue(&hasher, registration).await);
    }
    assert!(is_refused(hasher.check_capacity(registration).await), "twelve would wait for too long");
    for login in [HashingTurn::Login(from(1)), HashingTurn::Login(from(2)), HashingTurn::Login(None)] {
        assert!(hasher.check_capacity(login).await.is_ok(), "{login:?}");
        queued.push(queue(&hasher, login).await);
    }
    assert!(hasher.check_capacity(HashingTurn::Registration(from(2))).await.is_ok());
    drop(release);
    let logins = queued.split_off(12);
    for login in logins {
        assert!(login.await.unwrap().is_ok());
    }
    let hasher = &hasher;
    let register = || async move { hasher.verify(registration, &attempt("anything"), None).await.is_ok() };
    let logins = async {
        for _ in 0..52 {
            assert!(hasher.verify(HashingTurn::Login(from(2)), &attempt("anything"), None).await.is_ok());
        }
    };
    let storm = futures_util::future::join_all((0..12).map(|_| async {
        for _ in 0..20 {
            register().await;
        }
    }));
    tokio::join!(logins, storm);
}

#[tokio::test]
async fn logins_from_one_address_shut_no_other_address_out() {
    let (hasher, release) = blocked(Duration::from_micros(1)).await;
    let mut storm = Vec::new();
    for _ in 0..64 {
        storm.push(queue(&hasher, HashingTurn::Login(from(1))).await);
    }
    assert!(is_refused(hasher.check_capacity(HashingTurn::Login(from(1))).await), "the queue is full");
    let others = [HashingTurn::Login(from(2)), HashingTurn::Account(domain::testing::user(1))];
    let mut queued = Vec::new();
    for turn in others {
        assert!(hasher.check_capacity(turn).await.is_ok(), "{turn:?}");
        let checking = Arc::clone(&hasher);
        queued.push(tokio::spawn(async move { checking.verify(turn, &attempt("anything"), None).await }));
    }
    // Each of them takes the place of the newest of the storm.
    for newest in [63, 62] {
        assert!(is_refused(storm.remove(newest).await.unwrap()));
    }
    drop(release);
    for check in queued.into_iter().chain(storm) {
        assert!(check.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn equivalent_unicode_spellings_match() {
    let hasher = hasher();
    let hash = hasher.hash(LOGIN, &password("ｐａｓｓphrase é")).await.unwrap();
    assert!(hasher.verify(LOGIN, &attempt("passphrase e\u{301}"), Some(hash)).await.unwrap());
}

#[tokio::test]
async fn an_unknown_account_costs_a_check_and_never_matches() {
    let hasher = hasher();
    let before = hasher.checks.get();
    assert!(!hasher.verify(LOGIN, &attempt(""), None).await.unwrap());
    assert!(!hasher.verify(LOGIN, &attempt("\0\0 any bytes"), None).await.unwrap());
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

#[tokio::test]
async fn a_check_at_a_lower_cost_does_the_work_of_the_present_cost() {
    let (low, high) = (hasher(), BcryptHasher::start(6, 1).unwrap());
    let old = low.hash(LOGIN, &password("correct horse")).await.unwrap();
    let new = high.hash(LOGIN, &password("correct horse")).await.unwrap();
    assert_eq!((cost_of(old.expose()), cost_of(new.expose()), cost_of("no hash")), (Some(4), Some(6), None));
    assert!(
        high.is_outdated(&old) && !high.is_outdated(&new) && !low.is_outdated(&new),
        "a cost is never lowered"
    );
    assert!(high.verify(LOGIN, &attempt("correct horse"), Some(old.clone())).await.unwrap());
    assert!(!high.verify(LOGIN, &attempt("wrong"), Some(old)).await.unwrap());
    for (cost, missing) in [(4, vec![4, 5]), (5, vec![5]), (6, vec![]), (7, vec![])] {
        let rounds: u32 = missing.iter().map(|cost| 1_u32 << cost).sum();
        assert_eq!(missing_costs(cost, 6).collect::<Vec<_>>(), missing);
        assert!(cost > 6 || (1 << cost) + rounds == 1 << 6);
    }
}

#[tokio::test]
async fn a_rehashed_password_has_the_present_cost() {
    let hasher = BcryptHasher::start(5, 1).unwrap();
    let hash = hasher.rehash(domain::testing::user(1), &attempt("ｃorrect horse")).await.unwrap();
    assert_eq!(cost_of(hash.expose()), Some(5));
    assert!(hasher.verify(LOGIN, &attempt("correct horse"), Some(hash)).await.unwrap());
}
