use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::account::PasswordHash;
use domain::auth::{
    Caller, DeviceName, EndReason, IdempotencyKey, NewSession, RefreshAttempt, RefreshClaims, RefreshPolicy,
    RotateOutcome, Session, SessionRepository,
};
use domain::id::UserId;
use domain::testing::at;

use crate::support::{Database, Pool};

pub(crate) fn order(session: &Session) -> RefreshAttempt {
    RefreshAttempt {
        claims: RefreshClaims {
            user_id: session.user_id,
            session_id: session.id,
            generation: session.generation,
            issued_at: at(0),
            expires_at: at(1),
        },
        key: None,
        policy: RefreshPolicy {
            reuse_grace: Duration::from_secs(10),
            session_max: Duration::from_secs(3600),
            retry_window: Duration::from_secs(60),
        },
    }
}

/// The same attempt with this idempotency key.
pub(crate) fn try_of(session: &Session, key: &str) -> RefreshAttempt {
    RefreshAttempt { key: Some(IdempotencyKey::parse(key).unwrap()), ..order(session) }
}

pub(crate) fn caller(session: &Session) -> Caller {
    Caller { user_id: session.user_id, session_id: session.id }
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

impl Pool {
    /// Logs in a user with this password hash.
    pub(crate) async fn log_in(&self, user_id: UserId, verified_hash: &str) -> Option<Session> {
        let device = DeviceName::from_user_agent("goose/1.0");
        let session = NewSession { user_id, verified_hash: hash(verified_hash), device, most_open: None };
        self.sessions.open(&session).await.unwrap().map(|opened| opened.session)
    }

    pub(crate) async fn rotate(&self, order: RefreshAttempt) -> RotateOutcome {
        self.sessions.rotate(&order).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_refreshes_with_one_token_have_one_winner() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (_, mut session) = pools[0].register("alice_01").await;
    for _ in 0..10 {
        let tries: Vec<_> = (0..12)
            .map(|number| {
                let (pool, order) = (Arc::clone(&pools[number % 2]), order(&session));
                tokio::spawn(async move { pool.sessions.rotate(&order).await.unwrap() })
            })
            .collect();
        let mut won = Vec::new();
        for attempt in tries {
            match attempt.await.unwrap() {
                RotateOutcome::Rotated(next) => won.push(next),
                other => assert_eq!(other, RotateOutcome::Reused),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(won[0].generation, session.generation.next());
        session = won.remove(0);
    }
}

#[tokio::test]
async fn token_theft_ends_the_session_in_the_same_transaction() {
    let database = Database::new();
    let pool = database.pool();
    let (_, first) = pool.register("alice_01").await;
    let RotateOutcome::Rotated(second) = pool.sessions.rotate(&order(&first)).await.unwrap() else {
        panic!()
    };
    database.sql("UPDATE sessions SET rotations = (SELECT array_agg(r - interval '1 minute') FROM unnest(rotations) r)");
    assert_eq!(pool.sessions.rotate(&order(&first)).await.unwrap(), RotateOutcome::Stolen);
    assert_eq!(pool.sessions.rotate(&order(&second)).await.unwrap(), RotateOutcome::Over);
}

#[tokio::test]
async fn a_token_older_than_the_remembered_rotations_counts_as_theft() {
    let database = Database::new();
    let pool = database.pool();
    let (_, first) = pool.register("alice_01").await;
    let mut sessions = vec![first];
    for _ in 0..20 {
        let RotateOutcome::Rotated(next) =
            pool.sessions.rotate(&order(sessions.last().unwrap())).await.unwrap()
        else {
            panic!()
        };
        sessions.push(next);
    }
    assert_eq!(database.number("SELECT cardinality(rotations) FROM sessions"), 16);
    assert_eq!(pool.sessions.rotate(&order(&sessions[10])).await.unwrap(), RotateOutcome::Reused);
    assert_eq!(pool.sessions.rotate(&order(&sessions[0])).await.unwrap(), RotateOutcome::Stolen);
}

#[tokio::test]
async fn a_refresh_with_another_users_id_changes_nothing() {
    let database = Database::new();
    let pool = database.pool();
    let (_, session) = pool.register("alice_01").await;
    let (mallory, _) = pool.register("mallory_1").await;
    let mut forged = order(&session);
    forged.claims.user_id = mallory;
    assert_eq!(pool.sessions.rotate(&forged).await.unwrap(), RotateOutcome::Over);
    pool.sessions.end(session.id, mallory, EndReason::Logout).await.unwrap();
    assert!(matches!(pool.sessions.rotate(&order(&session)).await.unwrap(), RotateOutcome::Rotated(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_beyond_the_limit_ends_the_session_unused_longest() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, first) = pool.register("alice_01").await;
    let open = async || {
        let (verified_hash, most_open) = (hash("no hash"), NonZeroU32::new(3));
        let new = NewSession { user_id: alice, verified_hash, device: DeviceName::default(), most_open };
        pool.sessions.open(&new).await.unwrap().unwrap()
    };
    let (second, third) = (open().await, open().await);
    assert_eq!((second.displaced, third.displaced), (vec![], vec![]));
    // The first one is the oldest, but it is in use.
    database.sql("UPDATE sessions SET last_used_at = last_used_at - interval '1 h'");
    let RotateOutcome::Rotated(_) = pool.rotate(order(&first)).await else { panic!() };
    let fourth = open().await;
    assert_eq!(fourth.displaced, [second.session.id]);
    assert_eq!(pool.rotate(order(&second.session)).await, RotateOutcome::Over);
    assert!(matches!(pool.rotate(order(&third.session)).await, RotateOutcome::Rotated(_)));
    assert!(matches!(pool.rotate(order(&fourth.session)).await, RotateOutcome::Rotated(_)));
    let displaced = "SELECT count(*) FROM sessions WHERE end_reason = 'displaced'";
    assert_eq!(database.number(displaced), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_logins_keep_the_limit_and_leave_other_accounts_alone() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, _) = pools[0].register("alice_01").await;
    let (bob, _) = pools[0].register("bob_0001").await;
    let logins: Vec<_> = (0..24)
        .map(|number| {
            let (verified_hash, most_open) = (hash("no hash"), NonZeroU32::new(3));
            let new = NewSession { user_id: alice, verified_hash, device: DeviceName::default(), most_open };
            let pool = Arc::clone(&pools[number % 2]);
            tokio::spawn(async move { pool.sessions.open(&new).await.unwrap().unwrap() })
        })
        .collect();
    for login in logins {
        assert!(login.await.unwrap().displaced.len() <= 1);
    }
    let open = |user: UserId| {
        let user = user.as_uuid();
        database
            .number(&format!("SELECT count(*) FROM sessions WHERE user_id = '{user}' AND ended_at IS NULL"))
    };
    assert_eq!((open(alice), open(bob)), (3, 1));
}

#[tokio::test]
async fn only_a_verified_password_of_an_active_account_logs_in() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let open = async |hash: &str| {
        let verified_hash = PasswordHash::new(hash.to_owned());
        let session =
            NewSession { user_id: alice, verified_hash, device: DeviceName::default(), most_open: None };
        pool.sessions.open(&session).await.unwrap()
    };
    assert!(open("no hash").await.is_some());
    assert!(open("another hash").await.is_none());
    database.sql("UPDATE users SET state = 'disabled'");
    assert!(open("no hash").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_with_one_key_get_one_result_and_others_are_refused() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (_, mut session) = pools[0].register("alice_01").await;
    for _ in 0..10 {
        let tries: Vec<_> = (0..12)
            .map(|number| {
                let key = if number % 3 == 0 { "one" } else { "other" };
                let (pool, order) = (Arc::clone(&pools[number % 2]), try_of(&session, key));
                tokio::spawn(async move { (key, pool.rotate(order).await) })
            })
            .collect();
        let (mut won, mut winner, mut lost) = (Vec::new(), HashSet::new(), HashSet::new());
        for attempt in tries {
            match attempt.await.unwrap() {
                (key, RotateOutcome::Rotated(next) | RotateOutcome::Replayed(next)) => {
                    winner.insert(key);
                    won.push(next);
                }
                (key, other) => {
                    assert_eq!(other, RotateOutcome::Reused);
                    lost.insert(key);
                }
            }
        }
        assert!(winner.len() == 1 && lost.len() == 1 && winner.is_disjoint(&lost), "{winner:?} {lost:?}");
        assert!(won.len() == if winner.contains("one") { 4 } else { 8 });
        assert!(won.iter().all(|next| *next == won[0]), "{won:?}");
        assert_eq!(won[0].generation, session.generation.next());
        session = won.remove(0);
    }
}

#[tokio::test]
async fn a_retry_is_replayed_for_a_minute_or_until_the_next_refresh() {
    let database = Database::new();
    let pool = database.pool();
    let (_, first) = pool.register("alice_01").await;
    let RotateOutcome::Rotated(second) = pool.rotate(try_of(&first, "a")).await else { panic!() };
    let back = |seconds: u32| {
        database.sql(&format!(
            "UPDATE sessions SET rotations = (SELECT array_agg(r - interval '{seconds} s' ORDER BY r DESC)
               FROM unnest(rotations) r)"
        ));
    };
    back(58);
    let RotateOutcome::Replayed(again) = pool.rotate(try_of(&first, "a")).await else { panic!() };
    assert_eq!((again.generation, again.id), (second.generation, second.id));
    // The next refresh has no key, which makes the old token an ordinary used one.
    let RotateOutcome::Rotated(third) = pool.rotate(order(&second)).await else { panic!() };
    assert_eq!(pool.rotate(try_of(&second, "a")).await, RotateOutcome::Reused);
    let RotateOutcome::Rotated(_) = pool.rotate(try_of(&third, "b")).await else { panic!() };
    back(61);
    assert_eq!(pool.rotate(try_of(&third, "b")).await, RotateOutcome::Stolen);
    assert_eq!(pool.rotate(try_of(&third, "b")).await, RotateOutcome::Over);
}
