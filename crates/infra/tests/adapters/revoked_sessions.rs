use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use domain::account::PasswordHash;
use domain::auth::{
    Caller, DeviceName, EndAudience, EndReason, EndedSessions, NewSession, Session, SessionRepository,
    SessionStatus,
};
use domain::id::SessionId;
use infra::revoked_sessions::RevokedSessionCache;

use crate::support::{Database, Pool};

/// Lifetime of access tokens.
const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(600);

/// An instance that polls for ended sessions.
struct Instance {
    pool: Arc<Pool>,
    ended: RevokedSessionCache,
}

impl Instance {
    fn on(database: &Database) -> Self {
        let pool = database.pool();
        let ended = RevokedSessionCache::start(&pool.db, ACCESS_TOKEN_LIFE).unwrap();
        Self { pool, ended }
    }
}

/// Keeps what it learns.
#[derive(Default)]
struct Learned(Mutex<Vec<SessionId>>);

impl EndAudience for Learned {
    fn ended(&self, sessions: &[SessionId]) {
        self.0.lock().unwrap().extend(sessions);
    }
}

/// Waits until the instance reports this status for the session.
async fn wait_for(instance: &Instance, session: &Session, standing: SessionStatus) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while instance.ended.status(session.id) != standing {
        assert!(Instant::now() < deadline, "the status is never {standing:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn log_in(pool: &Pool, first: &Session) -> Session {
    let verified_hash = PasswordHash::new("no hash".to_owned());
    let session =
        NewSession { user_id: first.user_id, verified_hash, device: DeviceName::default(), most_open: None };
    pool.sessions.open(&session).await.unwrap().unwrap().session
}

#[tokio::test]
async fn a_session_ended_on_one_instance_ends_on_another() {
    let database = Database::new();
    let (here, there) = (Instance::on(&database), Instance::on(&database));
    let (alice, first) = here.pool.register("alice_01").await;
    let second = log_in(&here.pool, &first).await;
    wait_for(&there, &first, SessionStatus::Open).await;
    here.pool.sessions.end(first.id, alice, EndReason::Logout).await.unwrap();
    here.ended.mark_ended(first.id);
    assert_eq!(
        here.ended.status(first.id),
        SessionStatus::Ended,
        "it ends at once on the instance that ended it"
    );
    wait_for(&there, &first, SessionStatus::Ended).await;
    here.pool.sessions.end_others(Caller { user_id: alice, session_id: second.id }).await.unwrap();
    assert_eq!(there.ended.status(second.id), SessionStatus::Open);
    // After the database has confirmed the end, the instance keeps only what the database reports.
    wait_for(&here, &first, SessionStatus::Ended).await;
}

#[tokio::test]
async fn sockets_learn_of_an_ended_session_at_once_and_elsewhere_soon() {
    let database = Database::new();
    let (here, there) = (Instance::on(&database), Instance::on(&database));
    let audiences = [&here, &there].map(|instance| {
        let learned = Arc::<Learned>::default();
        instance.ended.tell(Arc::<Learned>::clone(&learned));
        learned
    });
    let (alice, first) = here.pool.register("alice_01").await;
    wait_for(&there, &first, SessionStatus::Open).await;
    here.ended.mark_ended(first.id);
    assert_eq!(*audiences[0].0.lock().unwrap(), [first.id]);
    here.pool.sessions.end(first.id, alice, EndReason::Logout).await.unwrap();
    wait_for(&there, &first, SessionStatus::Ended).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while audiences[1].0.lock().unwrap().is_empty() {
        assert!(Instant::now() < deadline, "the other instance learns nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(*audiences[1].0.lock().unwrap(), [first.id]);
}

#[tokio::test]
async fn a_session_end_that_commits_late_is_not_missed() {
    let database = Database::new();
    let instance = Instance::on(&database);
    let (_, session) = instance.pool.register("alice_01").await;
    let (_, later) = instance.pool.register("bob_0001").await;
    // The mark is older than the commit: a poll for newer marks only would already be past it.
    let age = ACCESS_TOKEN_LIFE.as_secs() + 50;
    let mut late = database.connect();
    let mark = |session: &Session, age: u64| {
        format!(
            "UPDATE sessions SET ended_at = now() - interval '{age} s', end_reason = 'logout' WHERE id = '{}'",
            session.id
        )
    };
    late.batch_execute(&format!("BEGIN; {}", mark(&session, age))).unwrap();
    database.sql(&mark(&later, 0));
    wait_for(&instance, &later, SessionStatus::Ended).await;
    assert_eq!(instance.ended.status(session.id), SessionStatus::Open);
    late.batch_execute("COMMIT").unwrap();
    wait_for(&instance, &session, SessionStatus::Ended).await;
}

#[tokio::test]
async fn ends_older_than_any_valid_token_are_forgotten() {
    let database = Database::new();
    let instance = Instance::on(&database);
    let (_, session) = instance.pool.register("alice_01").await;
    database.sql("UPDATE sessions SET ended_at = now(), end_reason = 'logout'");
    wait_for(&instance, &session, SessionStatus::Ended).await;
    database.sql("UPDATE sessions SET ended_at = now() - interval '700 s'");
    wait_for(&instance, &session, SessionStatus::Open).await;
}

#[tokio::test]
async fn a_disabled_accounts_sessions_count_as_ended_until_enabled() {
    let database = Database::new();
    let instance = Instance::on(&database);
    let (_, session) = instance.pool.register("alice_01").await;
    let (_, bobs) = instance.pool.register("bob_0001").await;
    wait_for(&instance, &session, SessionStatus::Open).await;
    database.sql("UPDATE users SET state = 'disabled' WHERE uid = 'alice_01'");
    wait_for(&instance, &session, SessionStatus::Ended).await;
    assert_eq!(instance.ended.status(bobs.id), SessionStatus::Open);
    database.sql("UPDATE users SET state = 'active'");
    wait_for(&instance, &session, SessionStatus::Open).await;
}
