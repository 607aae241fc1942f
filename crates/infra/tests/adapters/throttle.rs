use std::sync::Arc;
use std::time::Duration;

use domain::id::SessionId;
use domain::login_throttle::{
    AttemptAdmission, AttemptResult, ClientAddress, EnteredIdentifier, LoginThrottle, ThrottleKey,
};

use crate::support::{Database, Pool};

const SESSION: SessionId = SessionId::from_uuid(uuid::Uuid::from_u128(66));

fn uid(text: &str) -> ThrottleKey {
    ThrottleKey::of(&EnteredIdentifier::Uid(text.to_owned()))
}

fn address(text: &str) -> ThrottleKey {
    ThrottleKey::Address(ClientAddress::new(text.parse().unwrap()).unwrap())
}

impl Pool {
    async fn guess(&self, keys: &[ThrottleKey]) -> bool {
        self.throttle.count(keys).await.unwrap() == AttemptAdmission::Admitted
    }

    async fn wait_before(&self, keys: &[ThrottleKey]) -> Duration {
        match self.throttle.count(keys).await.unwrap() {
            AttemptAdmission::Refused { retry_after } => retry_after,
            AttemptAdmission::Admitted => panic!("the attempt is admitted"),
        }
    }
}

/// Moves all throttle times into the past.
fn pass(database: &Database, seconds: u32) {
    database.sql(&format!(
        "UPDATE login_throttles SET blocked_until = blocked_until - interval '{seconds} s',
                forgiven_at = forgiven_at - interval '{seconds} s',
                last_failure_at = last_failure_at - interval '{seconds} s'"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_guesses_five_are_admitted_then_one_at_a_time() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let all_at_once = async || {
        let guesses: Vec<_> = (0..40)
            .map(|number| {
                let pool = Arc::clone(&pools[number % 2]);
                // One common key and one separate key each: an attempt counts for both or for none.
                let keys = [uid("goose_1"), address(&format!("192.0.2.{number}"))];
                tokio::spawn(async move { pool.guess(&keys).await })
            })
            .collect();
        let mut admitted = 0;
        for guess in guesses {
            admitted += i64::from(guess.await.unwrap());
        }
        admitted
    };
    assert_eq!(all_at_once().await, 5);
    let by_address = "SELECT coalesce(sum(failures), 0) - (SELECT max(failures) FROM login_throttles) FROM login_throttles";
    assert_eq!(database.number(by_address), 5);
    for round in 1..4 {
        assert_eq!(database.number("SELECT max(failures) FROM login_throttles"), 4 + round);
        pass(&database, 5 << (round - 1));
        assert_eq!(all_at_once().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_with_crossing_keys_do_not_deadlock() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let guesses: Vec<_> = (0..60)
        .map(|number| {
            let pool = Arc::clone(&pools[number % 2]);
            let keys = [uid(&format!("goose_{}", number % 3)), address(&format!("192.0.2.{}", number % 4))];
            let result = if number % 2 == 0 { AttemptResult::Correct } else { AttemptResult::Unverified };
            tokio::spawn(async move {
                if pool.guess(&keys).await {
                    pool.throttle.release(&keys, result).await.unwrap();
                }
            })
        })
        .collect();
    for guess in guesses {
        guess.await.unwrap();
    }
    assert_eq!(database.number("SELECT count(*) FROM login_throttles WHERE failures > 0"), 0);
}

#[tokio::test]
async fn the_delay_grows_by_database_time_on_every_instance() {
    let database = Database::new();
    let (here, there) = (database.pool(), database.pool());
    let key = [uid("goose_1")];
    for _ in 0..5 {
        assert!(here.guess(&key).await);
    }
    for seconds in [5, 10, 20] {
        let wait = there.wait_before(&key).await;
        assert!(wait <= Duration::from_secs(seconds) && wait > Duration::from_secs(seconds) / 2, "{wait:?}");
        pass(&database, u32::try_from(seconds).unwrap());
        assert!(here.guess(&key).await);
    }
    assert!(there.guess(&[uid("goose_2")]).await, "other identifiers are not throttled");
    assert!(there.guess(&[ThrottleKey::Session(SESSION)]).await);
    pass(&database, 86_400);
    for _ in 0..5 {
        assert!(there.guess(&key).await, "a failure is forgotten after a day");
    }
}

#[tokio::test]
async fn a_success_clears_the_identifier_and_refunds_the_address() {
    let database = Database::new();
    let pool = database.pool();
    let keys = [uid("goose_1"), address("2001:db8::1")];
    for _ in 0..5 {
        assert!(pool.guess(&keys).await);
    }
    pool.throttle.release(&keys, AttemptResult::Correct).await.unwrap();
    assert_eq!(database.number("SELECT failures FROM login_throttles"), 4);
    for _ in 0..5 {
        assert!(pool.guess(&keys).await);
    }
    pool.throttle.release(&keys, AttemptResult::Unverified).await.unwrap();
    assert!(pool.guess(&keys).await && !pool.guess(&keys).await);
    // Releasing a missing key does nothing.
    pool.throttle.release(&[uid("nobody_1")], AttemptResult::Correct).await.unwrap();
}

#[tokio::test]
async fn an_address_is_throttled_across_login_names() {
    let database = Database::new();
    let pool = database.pool();
    for number in 0..60 {
        let keys = [uid(&format!("goose_{number}")), address("2001:db8::1")];
        assert!(pool.guess(&keys).await, "{number}");
    }
    let keys = [uid("goose_60"), address("2001:db8::ffff")];
    let wait = pool.wait_before(&keys).await;
    assert!(wait <= Duration::from_secs(10), "{wait:?}");
    assert!(pool.guess(&[uid("goose_60"), address("2001:db8:0:1::1")]).await);
    assert_eq!(database.number("SELECT max(failures) FROM login_throttles"), 60);
    pass(&database, 10);
    assert!(pool.guess(&keys).await);
}

#[tokio::test]
async fn the_throttle_table_does_not_reveal_login_identifiers() {
    let database = Database::new();
    let pool = database.pool();
    assert!(pool.guess(&[uid("goose_1"), address("192.0.2.1")]).await);
    assert_eq!(database.number("SELECT count(*) FROM login_throttles WHERE octet_length(key) = 32"), 2);
    let plain = "SELECT count(*) FROM login_throttles
                  WHERE position('goose_1'::bytea IN key) > 0 OR position('192.0.2.1'::bytea IN key) > 0";
    assert_eq!(database.number(plain), 0);
}
