//! Listing and ending the user's own sessions.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::auth::{Caller, EndReason, RotateOutcome, SessionLimits, SessionPageRequest, SessionRepository};
use domain::id::SessionId;

use crate::explain::ExplainingPool;
use crate::sessions::{caller, order};
use crate::support::Database;

#[tokio::test]
async fn the_list_does_not_read_ended_sessions() {
    let database = Database::new();
    let explained = ExplainingPool::pool(&database);
    let (alice, session) = explained.pool.register("alice_01").await;
    database.sql(&format!(
        "INSERT INTO sessions (id, user_id, device_name, rotations, created_at, last_used_at, ended_at, end_reason)
         SELECT gen_random_uuid(), '{alice}', '', ARRAY[now()], now(), now(), now(), 'logout' FROM generate_series(1, 20000)"
    ));
    database.sql("VACUUM ANALYZE");
    let limits = SessionLimits { life: Duration::MAX, idle: Duration::MAX };
    let page = SessionPageRequest::default();
    let (page, plans) = explained.plans(explained.pool.sessions.list(alice, limits, &page)).await;
    assert_eq!(page.unwrap().items.iter().map(|session| session.id).collect::<Vec<_>>(), [session.id]);
    let read: f64 = plans.iter().map(|plan| plan.rows_read("sessions")).sum();
    assert_eq!(read, 1.0, "{plans:?}");
}

#[tokio::test]
async fn open_sessions_are_listed_newest_first_page_by_page() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, first) = pool.register("alice_01").await;
    pool.register("bob_0001").await;
    let mut newest_first = vec![first.id];
    for _ in 0..4 {
        newest_first.insert(0, pool.log_in(alice, "no hash").await.unwrap().id);
    }
    let open_for = SessionLimits { life: Duration::from_secs(1000), idle: Duration::from_secs(100) };
    let list = async |open_for| {
        let (mut seen, mut page) = (Vec::new(), SessionPageRequest::parse(Some(2), None).unwrap());
        loop {
            let found = pool.sessions.list(alice, open_for, &page).await.unwrap();
            seen.extend(found.items.into_iter().map(|session| session.id));
            page.after = Some(match found.next {
                Some(next) => next,
                None => return seen,
            });
        }
    };
    assert_eq!(list(open_for).await, newest_first);
    assert_eq!(list(SessionLimits { life: Duration::MAX, idle: Duration::MAX }).await, newest_first);
    // All were opened at the same time, so the id decides.
    database.sql("UPDATE sessions SET created_at = '2026-01-01 00:00:00.123456Z'");
    newest_first.sort_unstable();
    newest_first.reverse();
    assert_eq!(list(SessionLimits { life: Duration::MAX, ..open_for }).await, newest_first);
    assert_eq!(list(open_for).await, [], "all are older than the session lifetime");
    database.sql("UPDATE sessions SET created_at = now()");
    let idle = format!(
        "UPDATE sessions SET last_used_at = now() - interval '101 s' WHERE id = '{}'",
        newest_first[0]
    );
    database.sql(&idle);
    let ended = format!(
        "UPDATE sessions SET ended_at = now(), end_reason = 'logout' WHERE id = '{}'",
        newest_first[1]
    );
    database.sql(&ended);
    assert_eq!(list(open_for).await, newest_first[2..]);
}

#[tokio::test]
async fn a_listed_session_shows_its_device_and_times() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let session = pool.log_in(alice, "no hash").await.unwrap();
    let open_for = SessionLimits { life: Duration::from_secs(1000), idle: Duration::from_secs(100) };
    let list = async || pool.sessions.list(alice, open_for, &SessionPageRequest::default()).await.unwrap();
    let shown = list().await.items.remove(0);
    assert_eq!((shown.id, shown.device.as_str()), (session.id, "goose/1.0"));
    assert_eq!((shown.created_at, shown.last_used_at), (session.created_at, session.created_at));
    let RotateOutcome::Rotated(next) = pool.rotate(order(&session)).await else { panic!() };
    let shown = list().await.items.remove(0);
    assert_eq!((shown.created_at, shown.last_used_at), (session.created_at, next.refreshed_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_end_others_calls_exactly_one_session_remains() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, first) = pools[0].register("alice_01").await;
    let (_, bobs) = pools[0].register("bob_0001").await;
    let mut sessions = vec![first];
    for _ in 0..7 {
        sessions.push(pools[0].log_in(alice, "no hash").await.unwrap());
    }
    let ends: Vec<_> = sessions
        .iter()
        .enumerate()
        .map(|(number, session)| {
            let (pool, caller) = (Arc::clone(&pools[number % 2]), caller(session));
            tokio::spawn(async move { pool.sessions.end_others(caller).await.unwrap() })
        })
        .collect();
    let mut ended = Vec::new();
    for end in ends {
        ended.extend(end.await.unwrap());
    }
    let distinct: HashSet<_> = ended.iter().copied().collect();
    assert_eq!(distinct.len(), ended.len(), "each session is ended once");
    assert_eq!(distinct.len(), sessions.len() - 1, "one session remains");
    assert!(pools[1].sessions.is_open(caller(&bobs)).await.unwrap());
}

#[tokio::test]
async fn only_own_open_sessions_can_be_ended() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let (mallory, _) = pool.register("mallory_1").await;
    let end = async |owner| pool.sessions.end(session.id, owner, EndReason::EndedByOwner).await.unwrap();
    assert!(!end(mallory).await);
    assert!(pool.sessions.is_open(caller(&session)).await.unwrap());
    assert!(end(alice).await);
    assert!(!end(alice).await, "the session has already ended");
    assert!(!pool.sessions.is_open(caller(&session)).await.unwrap());
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE end_reason = 'ended_by_owner'"), 1);
}

#[tokio::test]
async fn a_session_is_open_while_its_account_is_active() {
    let database = Database::new();
    let pool = database.pool();
    let (_, session) = pool.register("alice_01").await;
    let (mallory, _) = pool.register("mallory_1").await;
    let is_open = async |caller| pool.sessions.is_open(caller).await.unwrap();
    assert!(is_open(caller(&session)).await);
    assert!(!is_open(Caller { user_id: mallory, ..caller(&session) }).await);
    let unknown = SessionId::from_uuid(uuid::Uuid::nil());
    assert!(!is_open(Caller { session_id: unknown, ..caller(&session) }).await);
    database.sql("UPDATE users SET state = 'disabled'");
    assert!(!is_open(caller(&session)).await);
}
