use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use domain::auth::{EndReason, SessionRepository};
use domain::friendship_request::{Answer, AnswerOutcome, AnswerRefusal, FriendshipRequestRepository};
use domain::maintenance::{MaintenanceRepository, MaintenanceTask, SweepResult};

use infra::postgres::StoredRows;

use crate::support::{Database, Pool, pair};

const HOUR: Duration = Duration::from_secs(3600);

async fn sweep(pool: &Pool, task: MaintenanceTask, before: Duration) -> SweepResult {
    pool.maintenance.sweep(task, before).await.unwrap()
}

async fn rows(pool: &Pool, task: MaintenanceTask, before: Duration) -> usize {
    let swept = sweep(pool, task, before).await;
    assert!(!swept.more);
    swept.rows
}

#[tokio::test]
async fn stored_rows_are_estimated_from_statistics_partitions_included() {
    let database = Database::new();
    let pool = database.pool();
    let rows = StoredRows::new(Arc::clone(&pool.db)).unwrap();
    let estimate = |name: &str| {
        let families = rows.collectors().into_iter().flat_map(|collector| collector.collect());
        let family = families.into_iter().find(|family| family.name() == name).unwrap();
        family.get_metric()[0].get_gauge().get_value()
    };
    assert!(estimate("hongyan_users") < 1.0, "unknown before the first reading");
    for number in 0..4 {
        pool.person(&format!("person_{number}")).await;
    }
    database.sql(
        "DROP TABLE IF EXISTS kept; ALTER TABLE sessions RENAME TO kept;
         CREATE TABLE sessions (number int) PARTITION BY LIST (number);
         CREATE TABLE sessions_1 PARTITION OF sessions FOR VALUES IN (1);
         CREATE TABLE sessions_2 PARTITION OF sessions FOR VALUES IN (2);
         INSERT INTO sessions VALUES (1), (2), (2);
         ANALYZE users; ANALYZE sessions_1; ANALYZE sessions_2",
    );
    rows.refresh().await.unwrap();
    assert!(estimate("hongyan_users") >= 4.0);
    assert!(estimate("hongyan_sessions") >= 3.0);
    assert!(estimate("hongyan_messages") < 1.0);
}

#[tokio::test]
async fn only_overdue_requests_are_marked_expired() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob, carol) =
        (pool.person("alice_01").await, pool.person("bob_0001").await, pool.person("carol_01").await);
    let overdue = pool.pending(alice, bob).await;
    let in_time = pool.pending(alice, carol).await;
    assert_eq!(rows(&pool, MaintenanceTask::ExpireRequests, Duration::ZERO).await, 0);
    database.sql(&format!("UPDATE friendship_requests SET expires_at = created_at WHERE id = '{overdue}'"));
    assert_eq!(rows(&pool, MaintenanceTask::ExpireRequests, Duration::ZERO).await, 1);
    assert_eq!(rows(&pool, MaintenanceTask::ExpireRequests, Duration::ZERO).await, 0);
    let late = pool.requests.answer(overdue, bob, Answer::Accept).await.unwrap();
    assert_eq!(late, AnswerOutcome::Refused(AnswerRefusal::Expired));
    let accepted = pool.requests.answer(in_time, carol, Answer::Accept).await.unwrap();
    assert!(matches!(accepted, AnswerOutcome::Accepted(_)));
    pool.pending(bob, alice).await;
}

#[tokio::test]
async fn requests_answered_long_ago_are_deleted_and_pending_ones_stay() {
    let database = Database::new();
    let pool = database.pool();
    let mut requests = Vec::new();
    for number in 0..5 {
        let (asker, asked) =
            (pool.person(&format!("asker_{number}")).await, pool.person(&format!("asked_{number}")).await);
        requests.push((pool.pending(asker, asked).await, asker, asked));
    }
    for (request, _, asked) in &requests[..2] {
        pool.requests.answer(*request, *asked, Answer::Reject).await.unwrap();
    }
    pool.requests.withdraw(requests[2].0, requests[2].1).await.unwrap();
    database.sql(&format!(
        "UPDATE friendship_requests SET expires_at = created_at WHERE id = '{}'",
        requests[3].0
    ));
    assert_eq!(rows(&pool, MaintenanceTask::ExpireRequests, Duration::ZERO).await, 1);
    let young = requests[1].0;
    database.sql(&format!(
        "UPDATE friendship_requests SET created_at = created_at - interval '2 hours',
                answered_at = answered_at - interval '2 hours' WHERE id <> '{young}'"
    ));
    assert_eq!(rows(&pool, MaintenanceTask::PurgeRequests, HOUR).await, 3);
    let left = "SELECT count(*) FROM friendship_requests WHERE";
    assert_eq!(database.number(&format!("{left} id = '{young}' OR status = 'pending'")), 2);
    assert_eq!(database.number(&format!("{left} true")), 2);
}

#[tokio::test]
async fn locked_rows_are_left_for_the_next_sweep() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let (bob, _) = pool.register("bob_0001").await;
    let carol = pool.person("carol_01").await;
    pool.pending(alice, bob).await;
    pool.pending(alice, carol).await;
    database.sql("UPDATE friendship_requests SET expires_at = created_at");
    database.sql("UPDATE sessions SET ended_at = now() - interval '2 hours', end_reason = 'logout'");
    let mut holder = database.connect();
    let id = pair(alice, bob).conversation_id();
    let hold = format!(
        "BEGIN; SELECT FROM conversations WHERE id = '{id}' FOR UPDATE;
         SELECT FROM sessions WHERE id = '{}' FOR UPDATE",
        session.id
    );
    holder.batch_execute(&hold).unwrap();
    assert_eq!(rows(&pool, MaintenanceTask::ExpireRequests, Duration::ZERO).await, 1);
    assert_eq!(rows(&pool, MaintenanceTask::PurgeEndedSessions, HOUR).await, 2);
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(rows(&pool, MaintenanceTask::ExpireRequests, Duration::ZERO).await, 1);
    assert_eq!(rows(&pool, MaintenanceTask::PurgeEndedSessions, HOUR).await, 1);
}

#[tokio::test]
async fn old_sessions_are_deleted() {
    let database = Database::new();
    let pool = database.pool();
    let mut sessions = Vec::new();
    for number in 0..4 {
        sessions.push(pool.register(&format!("person_{number:02}")).await.1);
    }
    for ended in &sessions[..2] {
        pool.sessions.end(ended.id, ended.user_id, EndReason::Logout).await.unwrap();
    }
    let age = |session: &str, column: &str| {
        database.sql(&format!(
            "UPDATE sessions SET {column} = {column} - interval '2 hours' WHERE id = '{session}'"
        ));
    };
    age(&sessions[0].id.to_string(), "ended_at");
    age(&sessions[1].id.to_string(), "created_at");
    age(&sessions[2].id.to_string(), "created_at");
    assert_eq!(rows(&pool, MaintenanceTask::PurgeEndedSessions, HOUR).await, 1);
    assert_eq!(rows(&pool, MaintenanceTask::PurgeOldSessions, HOUR).await, 1);
    let left = |number: usize| {
        database.number(&format!("SELECT count(*) FROM sessions WHERE id = '{}'", sessions[number].id))
    };
    assert_eq!([0, 1, 2, 3].map(left), [0, 1, 0, 1]);
    assert_eq!(rows(&pool, MaintenanceTask::PurgeOldSessions, Duration::MAX).await, 0);
}

#[tokio::test]
async fn login_failures_are_deleted_unless_they_still_throttle() {
    let database = Database::new();
    let pool = database.pool();
    database.sql(
        "INSERT INTO login_throttles (key, failures, last_failure_at, blocked_until, forgiven_at) VALUES
         ('old', 9, now() - interval '2 hours', now() - interval '1 hour', 'epoch'),
         ('blocked', 9, now() - interval '2 hours', now() + interval '1 hour', 'epoch'),
         ('young', 9, now(), now(), 'epoch')",
    );
    assert_eq!(rows(&pool, MaintenanceTask::PurgeThrottles, HOUR).await, 1);
    assert_eq!(database.number("SELECT count(*) FROM login_throttles WHERE key <> 'old'"), 2);
}

#[tokio::test]
async fn devices_that_are_not_known_any_more_are_deleted() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    database.sql(&format!(
        "INSERT INTO known_devices (user_id, device, logged_in_at) VALUES
         ('{alice}', sha256('old'), now() - interval '2 hours'), ('{alice}', sha256('young'), now())"
    ));
    assert_eq!(rows(&pool, MaintenanceTask::PurgeKnownDevices, HOUR).await, 1);
    assert_eq!(database.number("SELECT count(*) FROM known_devices WHERE device = sha256('young')"), 1);
}

#[tokio::test]
async fn retired_uids_are_deleted_when_their_time_is_over() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    database.sql(&format!(
        "INSERT INTO retired_uids (uid, owner_id, retired_at) VALUES
         ('young_01', '{alice}', now()), ('old_0001', '{alice}', now() - interval '2 hours')"
    ));
    assert_eq!(rows(&pool, MaintenanceTask::PurgeRetiredUids, HOUR).await, 1);
    assert_eq!(database.number("SELECT count(*) FROM retired_uids WHERE uid = 'young_01'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_instances_share_a_task_in_bounded_batches() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    database.sql(
        "INSERT INTO login_throttles (key, failures, last_failure_at, blocked_until, forgiven_at)
         SELECT int8send(n), 1, now() - interval '2 hours', now(), 'epoch' FROM generate_series(1, 2600) n",
    );
    assert_eq!(
        sweep(&pools[0], MaintenanceTask::PurgeThrottles, HOUR).await,
        SweepResult { rows: 500, more: true }
    );
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let pool = Arc::clone(&pools[number % 2]);
            tokio::spawn(async move { sweep(&pool, MaintenanceTask::PurgeThrottles, HOUR).await.rows })
        })
        .collect();
    let mut removed = 500;
    for task in tasks {
        removed += task.await.unwrap();
    }
    loop {
        let swept = sweep(&pools[0], MaintenanceTask::PurgeThrottles, HOUR).await;
        removed += swept.rows;
        if !swept.more {
            break;
        }
    }
    assert_eq!(removed, 2600, "each row was deleted by exactly one instance");
}
