//! Group commit of sends: batches, and the failures that a batch must survive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use domain::error::{DomainError, ErrorKind};
use domain::id::UserId;
use domain::message::{MessageRepository, SendOutcome, SendRefusal};
use infra::postgres::SendQueueSettings;
use socket_proxy::{CommitProxy, Cut};
use tokio::task::JoinHandle;

use crate::support::{Database, Pool, draft};

pub(crate) const ONE_WRITER: SendQueueSettings =
    SendQueueSettings { writers: 1, queue: 1024, max_wait: Duration::from_secs(60) };

pub(crate) type Sending = JoinHandle<Result<SendOutcome, domain::error::PortError>>;

pub(crate) fn send(pool: &Arc<Pool>, from: UserId, to: UserId, text: &str, key: Option<&str>) -> Sending {
    let (pool, draft) = (Arc::clone(pool), draft(from, to, text, key));
    tokio::spawn(async move { pool.messages.send(draft).await })
}

pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until this many drafts have been queued since the start.
pub(crate) async fn accepted(pool: &Arc<Pool>, count: u64) {
    let queued = || pool.send_metric("hongyan_send_accepted_total") == count;
    eventually("the drafts were not queued", queued).await;
}

/// Two friends, and a pool with one writer that connects to `url`.
async fn friends(database: &Database, url: &str) -> (Arc<Pool>, UserId, UserId) {
    let direct = database.pool();
    let (alice, bob) = (direct.person("alice_01").await, direct.person("bob_0001").await);
    direct.befriend(alice, bob).await;
    (database.pool_at(url, ONE_WRITER), alice, bob)
}

/// Locks the messages table, which stops the writer within a batch until the returned connection is dropped.
pub(crate) async fn stop_the_writer(
    database: &Database,
    pool: &Arc<Pool>,
    first: impl FnOnce() -> Sending,
) -> (diesel::PgConnection, Sending) {
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").unwrap();
    let before = pool.send_batches();
    let sending = first();
    eventually("the writer did not start a batch", || pool.send_batches() > before).await;
    (holder, sending)
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_sends_share_a_batch_and_duplicates_become_one() {
    let database = Database::new();
    let (pool, alice, bob) = friends(&database, database.url()).await;
    let (holder, first) = stop_the_writer(&database, &pool, || send(&pool, alice, bob, "first", None)).await;
    let many: Vec<Sending> = (0..100).map(|n| send(&pool, alice, bob, &n.to_string(), None)).collect();
    let twins: Vec<Sending> = (0..10).map(|_| send(&pool, bob, alice, "twin", Some("k"))).collect();
    let other = send(&pool, bob, alice, "another text", Some("other"));
    accepted(&pool, 112).await;
    drop(holder);
    assert!(matches!(first.await.unwrap().unwrap(), SendOutcome::Sent(_)));
    let mut seqs = Vec::new();
    for sending in many {
        let SendOutcome::Sent(message) = sending.await.unwrap().unwrap() else { panic!() };
        seqs.push(message.id.seq.get());
    }
    let mut ids = Vec::new();
    for twin in twins {
        ids.push(twin.await.unwrap().unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert!(matches!(other.await.unwrap().unwrap(), SendOutcome::Sent(_)));
    assert_eq!(database.number("SELECT count(*) FROM messages"), 103);
    assert_eq!(database.number("SELECT max(seq) FROM messages"), 103);
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), 100);
    let (batches, drafts) = (pool.send_batches(), pool.batched_drafts());
    assert!(drafts == 112 && batches <= 4, "{drafts} drafts in {batches} batches");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_conversation_delays_no_other_conversation() {
    let database = Database::new();
    let (pool, alice, bob) = friends(&database, database.url()).await;
    let carol = pool.person("carol_01").await;
    pool.befriend(alice, carol).await;
    let mut holder = database.connect();
    let id = crate::support::pair(alice, bob).conversation_id();
    holder.batch_execute(&format!("BEGIN; SELECT FROM conversations WHERE id = '{id}' FOR UPDATE")).unwrap();
    let held = send(&pool, alice, bob, "held", Some("k"));
    eventually("the draft was not deferred", || pool.send_metric("hongyan_send_deferred_total") == 1).await;
    for _ in 0..20 {
        assert!(matches!(
            send(&pool, alice, carol, "free", None).await.unwrap().unwrap(),
            SendOutcome::Sent(_)
        ));
    }
    assert!(!held.is_finished());
    drop(holder);
    assert!(matches!(held.await.unwrap().unwrap(), SendOutcome::Sent(_)));
    assert_eq!(database.number("SELECT count(*) FROM messages"), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_message_fails_alone_in_its_batch() {
    let database = Database::new();
    let (pool, alice, bob) = friends(&database, database.url()).await;
    database.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poisoned'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.content = 'poison') EXECUTE FUNCTION refuse()",
    );
    let (holder, first) = stop_the_writer(&database, &pool, || send(&pool, alice, bob, "first", None)).await;
    let texts = ["one", "poison", "two", "three"];
    let batch: Vec<Sending> = texts.iter().map(|text| send(&pool, alice, bob, text, None)).collect();
    accepted(&pool, 5).await;
    drop(holder);
    first.await.unwrap().unwrap();
    for (text, sending) in texts.iter().zip(batch) {
        match sending.await.unwrap() {
            Ok(outcome) => assert!(*text != "poison" && matches!(outcome, SendOutcome::Sent(_))),
            Err(error) => assert_eq!((*text, error.kind()), ("poison", ErrorKind::Internal)),
        }
    }
    assert_eq!(database.number("SELECT count(*) FROM messages"), 4);
    assert_eq!(database.number("SELECT max(seq) FROM messages"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_a_deadlock_victim_is_retried_a_few_times() {
    let database = Database::new();
    let (pool, alice, bob) = friends(&database, database.url()).await;
    // The sequence counts the attempts, because a rollback does not reset it.
    database.sql(
        "CREATE SEQUENCE tries;
         CREATE FUNCTION fall_victim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('tries') = 1 OR NEW.content = 'always' THEN
                 RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER fall_victim BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION fall_victim()",
    );
    let outcome = send(&pool, alice, bob, "once", None).await.unwrap().unwrap();
    assert!(matches!(outcome, SendOutcome::Sent(_)));
    assert_eq!(database.number("SELECT last_value FROM tries"), 2);
    let error = send(&pool, alice, bob, "always", None).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unavailable { .. }), "{error:?}");
    assert_eq!(database.number("SELECT count(*) FROM messages"), 1);
    let outcome = send(&pool, alice, bob, "after that", None).await.unwrap().unwrap();
    assert!(matches!(outcome, SendOutcome::Sent(_)), "the writer continues");
    assert_eq!(database.number("SELECT max(seq) FROM messages"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_send_is_skipped_and_a_full_queue_is_reported() {
    let database = Database::new();
    let (_, alice, bob) = friends(&database, database.url()).await;
    let pool = database.pool_at(
        database.url(),
        SendQueueSettings { writers: 1, queue: 2, max_wait: Duration::from_secs(60) },
    );
    let (holder, first) = stop_the_writer(&database, &pool, || send(&pool, alice, bob, "first", None)).await;
    let gone = send(&pool, alice, bob, "gone", None);
    accepted(&pool, 2).await;
    let waiting = send(&pool, alice, bob, "waiting", None);
    accepted(&pool, 3).await;
    let refused = send(&pool, alice, bob, "too many", None).await.unwrap().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unavailable { .. }), "{refused:?}");
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(holder);
    first.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(database.number("SELECT count(*) FROM messages WHERE content = 'gone'"), 0);
    assert_eq!(database.number("SELECT count(*) FROM messages"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_waited_too_long_for_the_writer_is_not_stored() {
    let database = Database::new();
    let (_, alice, bob) = friends(&database, database.url()).await;
    let max_wait = Duration::from_millis(300);
    let pool = database.pool_at(database.url(), SendQueueSettings { writers: 1, queue: 1024, max_wait });
    let (holder, first) = stop_the_writer(&database, &pool, || send(&pool, alice, bob, "first", None)).await;
    let late = send(&pool, alice, bob, "late", Some("key"));
    accepted(&pool, 2).await;
    let queued = Instant::now();
    eventually("the draft's wait never ended", || queued.elapsed() > max_wait).await;
    drop(holder);
    first.await.unwrap().unwrap();
    let refused = late.await.unwrap().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unavailable { .. }), "{refused:?}");
    assert_eq!(database.number("SELECT count(*) FROM messages"), 1);
    let again = send(&pool, alice, bob, "late", Some("key")).await.unwrap().unwrap();
    assert!(matches!(again, SendOutcome::Sent(_)), "the writer continues");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_before_commit_causes_no_duplicate() {
    let database = Database::new();
    let (pool, alice, bob) = friends(&database, database.url()).await;
    let (holder, first) = stop_the_writer(&database, &pool, || send(&pool, alice, bob, "first", None)).await;
    // Databases made from one template have the same ids of tables.
    let waiting =
        "FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
                   WHERE NOT l.granted AND l.relation = 'messages'::regclass";
    let waits = format!("SELECT count(*) {waiting}");
    eventually("the writer is not waiting", || database.number(&waits) == 1).await;
    database.sql(&format!("SELECT pg_terminate_backend(l.pid) {waiting}"));
    eventually("the writer did not reconnect", || database.number(&waits) == 1).await;
    drop(holder);
    assert!(matches!(first.await.unwrap().unwrap(), SendOutcome::Sent(_)));
    assert_eq!(database.number("SELECT count(*) FROM messages"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_commit_response_nothing_is_lost_or_doubled() {
    for cut in [Cut::AfterCommit, Cut::BeforeCommit, Cut::AnsweredByError] {
        let database = Database::new();
        let proxy = CommitProxy::start(database.url()).unwrap();
        let (pool, alice, bob) = friends(&database, proxy.url()).await;
        assert!(matches!(
            send(&pool, alice, bob, "before", None).await.unwrap().unwrap(),
            SendOutcome::Sent(_)
        ));
        proxy.arm(cut);
        let outcome = send(&pool, alice, bob, "in doubt", None).await.unwrap().unwrap();
        let SendOutcome::Sent(message) = outcome else { panic!() };
        assert!(proxy.has_cut(), "{cut:?}");
        assert_eq!(message.id.seq.get(), 2);
        assert_eq!(database.number("SELECT count(*) FROM messages WHERE content = 'in doubt'"), 1, "{cut:?}");
        proxy.arm(cut);
        let twins = vec![draft(bob, alice, "x", Some("k")), draft(bob, alice, "y", Some("k"))];
        let outcomes = pool.send_all(twins).await;
        assert!(matches!(outcomes[0], SendOutcome::Sent(_)));
        assert_eq!(outcomes[1], SendOutcome::Refused(SendRefusal::IdempotencyConflict));
        assert_eq!(database.number("SELECT count(*) FROM messages"), 3, "{cut:?}");
    }
}

/// PostgreSQL still executes the COMMIT when its response is lost: until it is done, no message may be stored a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_still_in_progress_is_waited_for() {
    let database = Database::new();
    let proxy = CommitProxy::start(database.url()).unwrap();
    let (pool, alice, bob) = friends(&database, proxy.url()).await;
    database.sql(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)").unwrap();
    proxy.arm(Cut::AfterCommit);
    let sending = send(&pool, alice, bob, "in doubt", None);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND wait_event_type = 'Lock' AND query LIKE '%FROM conversations%FOR NO KEY UPDATE%'";
    eventually("the outcome of the commit is not looked up", || database.number(waits) > 0).await;
    drop(holder);
    assert!(matches!(sending.await.unwrap().unwrap(), SendOutcome::Sent(_)));
    assert_eq!(database.number("SELECT count(*) FROM messages"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_sends_are_stored_after_the_queue_is_closed() {
    let database = Database::new();
    let (pool, alice, bob) = friends(&database, database.url()).await;
    let (holder, first) = stop_the_writer(&database, &pool, || send(&pool, alice, bob, "first", None)).await;
    let many: Vec<Sending> = (0..50).map(|n| send(&pool, alice, bob, &n.to_string(), None)).collect();
    accepted(&pool, 51).await;
    // From here on only the waiting callers keep the queue alive.
    drop(pool);
    drop(holder);
    first.await.unwrap().unwrap();
    for sending in many {
        sending.await.unwrap().unwrap();
    }
    assert_eq!(database.number("SELECT count(*) FROM messages"), 51);
}
