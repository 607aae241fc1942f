use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use domain::account::PasswordHash;
use domain::auth::{
    Caller, DeviceName, EndReason, EndedSessions, NewSession, Session, SessionRepository, SessionStatus,
};
use infra::clock::DatabaseClock;
use infra::revoked_sessions::RevokedSessionCache;

use crate::support::{Ground, Pool};

/// How long access tokens are good.
const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(600);

/// An instance that learns of ended sessions.
struct Instance {
    pool: Arc<Pool>,
    ended: RevokedSessionCache,
}

impl Instance {
    fn on(ground: &Ground) -> Self {
        let pool = ground.pool();
        let clock = Arc::new(DatabaseClock::start(&pool.db));
        let ended = RevokedSessionCache::start(&pool.db, ACCESS_TOKEN_LIFE, clock).unwrap();
        Self { pool, ended }
    }
}

/// Waits until the instance says so of the session.
async fn wait_for(instance: &Instance, session: &Session, standing: SessionStatus) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while instance.ended.status(session.id) != standing {
        assert!(Instant::now() < deadline, "it is never {standing:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn log_in(pool: &Pool, first: &Session) -> Session {
    let verified_hash = PasswordHash::new("no hash".to_owned());
    let session = NewSession { user_id: first.user_id, verified_hash, device: DeviceName::default() };
    pool.sessions.open(&session).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_session_ended_on_one_instance_ends_on_another() {
    let ground = Ground::new();
    let (here, there) = (Instance::on(&ground), Instance::on(&ground));
    let (alice, first) = here.pool.register("alice_01").await;
    let second = log_in(&here.pool, &first).await;
    wait_for(&there, &first, SessionStatus::Open).await;
    here.pool.sessions.end(first.id, alice, EndReason::Logout).await.unwrap();
    here.ended.mark_ended(first.id);
    assert_eq!(here.ended.status(first.id), SessionStatus::Ended, "at once where it was ended");
    wait_for(&there, &first, SessionStatus::Ended).await;
    here.pool.sessions.end_others(Caller { user_id: alice, session_id: second.id }).await.unwrap();
    assert_eq!(there.ended.status(second.id), SessionStatus::Open);
    // Once the database has said so, nothing is kept that it would not say.
    wait_for(&here, &first, SessionStatus::Ended).await;
}

#[tokio::test]
async fn a_session_end_that_commits_late_is_not_missed() {
    let ground = Ground::new();
    let instance = Instance::on(&ground);
    let (_, session) = instance.pool.register("alice_01").await;
    let (_, later) = instance.pool.register("bob_0001").await;
    // Marked long before it is committed: whoever asked only for what is new would have seen bob's and be past it.
    let age = ACCESS_TOKEN_LIFE.as_secs() + 50;
    let mut late = ground.connect();
    let mark = |session: &Session, age: u64| {
        format!(
            "UPDATE sessions SET ended_at = now() - interval '{age} s', end_reason = 'logout' WHERE id = '{}'",
            session.id
        )
    };
    late.batch_execute(&format!("BEGIN; {}", mark(&session, age))).unwrap();
    ground.sql(&mark(&later, 0));
    wait_for(&instance, &later, SessionStatus::Ended).await;
    assert_eq!(instance.ended.status(session.id), SessionStatus::Open);
    late.batch_execute("COMMIT").unwrap();
    wait_for(&instance, &session, SessionStatus::Ended).await;
}

#[tokio::test]
async fn ends_older_than_any_valid_token_are_forgotten() {
    let ground = Ground::new();
    let instance = Instance::on(&ground);
    let (_, session) = instance.pool.register("alice_01").await;
    ground.sql("UPDATE sessions SET ended_at = now(), end_reason = 'logout'");
    wait_for(&instance, &session, SessionStatus::Ended).await;
    ground.sql("UPDATE sessions SET ended_at = now() - interval '700 s'");
    wait_for(&instance, &session, SessionStatus::Open).await;
}

#[tokio::test]
async fn a_disabled_accounts_sessions_count_as_ended_until_enabled() {
    let ground = Ground::new();
    let instance = Instance::on(&ground);
    let (_, session) = instance.pool.register("alice_01").await;
    let (_, bobs) = instance.pool.register("bob_0001").await;
    wait_for(&instance, &session, SessionStatus::Open).await;
    ground.sql("UPDATE users SET state = 'disabled' WHERE uid = 'alice_01'");
    wait_for(&instance, &session, SessionStatus::Ended).await;
    assert_eq!(instance.ended.status(bobs.id), SessionStatus::Open);
    ground.sql("UPDATE users SET state = 'active'");
    wait_for(&instance, &session, SessionStatus::Open).await;
}
