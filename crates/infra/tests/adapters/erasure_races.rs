//! Erasures that run concurrently with senders, other workers and kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use domain::account::{ErasureRepository, ErasureStep};
use domain::error::{DomainError, ErrorKind};
use domain::friendship::FriendshipRepository;
use domain::friendship_request::{Answer, FriendshipRequestRepository};
use domain::message::{MessageRepository, SendOutcome, SendRefusal};

use crate::erasure::{erase, finish, sample_account, traces};
use crate::support::{Database, Pool, directed, draft};

const NONE: [i64; 7] = [0; 7];

#[tokio::test(flavor = "multi_thread")]
async fn no_message_sent_after_an_erasure_is_accepted() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..10 {
        let (alice, session) = pools[0].register(&format!("alice_{round:02}")).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        pools[0].befriend(alice, bob).await;
        let erased = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = [(alice, bob), (bob, alice)]
            .into_iter()
            .map(|(from, to)| {
                let (pool, erased) = (Arc::clone(&pools[1]), Arc::clone(&erased));
                tokio::spawn(async move {
                    loop {
                        let too_late = erased.load(Ordering::SeqCst);
                        match pool.messages.send(draft(from, to, "hi", None)).await.unwrap() {
                            SendOutcome::Sent(_) => assert!(!too_late, "sent after the erasure was answered"),
                            SendOutcome::Refused(refusal) => return refusal,
                        }
                    }
                })
            })
            .collect();
        pools[0].say(bob, alice, "bye").await;
        erase(&pools[0], &session).await;
        erased.store(true, Ordering::SeqCst);
        for sender in senders {
            assert_eq!(sender.await.unwrap(), SendRefusal::NotFriends);
        }
    }
}

/// Erases, sends, accepts, asks and unfriends concurrently, with erasure steps on both instances.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_complete_despite_concurrent_operations() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..20 {
        let (alice, session) = pools[0].register(&format!("alice_{round:02}")).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        let carol = pools[0].person(&format!("carol_{round:02}")).await;
        pools[0].befriend(alice, bob).await;
        let request = pools[0].pending(alice, carol).await;
        let mut tasks = Vec::new();
        for number in 0..6 {
            let pool = Arc::clone(&pools[number % 2]);
            let session = session.clone();
            tasks.push(tokio::spawn(async move {
                match number {
                    0 => drop(erase(&pool, &session).await),
                    1 => drop(pool.requests.answer(request, carol, Answer::Accept).await.unwrap()),
                    2 => drop(pool.friendships.remove(directed(bob, alice)).await.unwrap()),
                    3 => drop(pool.messages.send(draft(bob, alice, "hi", None)).await.unwrap()),
                    4 => drop(pool.messages.send(draft(alice, bob, "hi", None)).await.unwrap()),
                    _ => drop(pool.ask(carol, alice).await),
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let workers = pools.each_ref().map(|pool| {
            let pool = Arc::clone(pool);
            tokio::spawn(async move { finish(&pool, alice).await })
        });
        for worker in workers {
            worker.await.unwrap();
        }
        finish(&pools[0], alice).await;
        assert_eq!(traces(&database, alice), NONE);
        let one_sided = "SELECT count(*) FROM conversations c WHERE friends <> EXISTS (
            SELECT FROM friendships f WHERE f.owner_id = c.user_lo AND f.friend_id = c.user_hi)";
        assert_eq!(database.number(one_sided), 0);
    }
}

async fn work_until_all_is_done(pool: Arc<Pool>) {
    let mut after = None;
    loop {
        match pool.erasures.pending(after).await.unwrap() {
            Some(user) => {
                pool.erasures.step(user).await.unwrap();
                after = Some(user);
            }
            None if after.is_some() => after = None,
            None => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_erase_accounts_that_are_friends() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let mut people = Vec::new();
    for number in 0..10 {
        people.push(pools[0].register(&format!("person_{number:02}")).await);
    }
    for (number, (one, _)) in people.iter().enumerate() {
        for (other, _) in &people[..number] {
            pools[0].befriend(*one, *other).await;
            let message = pools[0].say(*one, *other, "hi").await;
            pools[0].messages.delete_for(*other, message).await.unwrap();
        }
    }
    // Two accounts stay; they keep their messages to each other and those received.
    let workers: Vec<_> = (0..4)
        .map(|number| {
            let (pool, session) = (Arc::clone(&pools[number % 2]), people[number + 2].1.clone());
            let last = people[number + 6].1.clone();
            tokio::spawn(async move {
                erase(&pool, &session).await;
                erase(&pool, &last).await;
                work_until_all_is_done(pool).await;
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    work_until_all_is_done(Arc::clone(&pools[0])).await;
    for (erased, _) in &people[2..] {
        assert_eq!(traces(&database, *erased), NONE);
    }
    assert_eq!(database.number("SELECT count(*) FROM conversations"), 1 + 2 * 8);
    assert_eq!(database.number("SELECT count(*) FROM messages"), 1 + 2 * 8);
    assert_eq!(database.number("SELECT count(*) FROM conversation_members"), 2 + 2 * 8);
    pools[1].say(people[0].0, people[1].0, "alone at last").await;
}

#[tokio::test]
async fn a_worker_killed_between_two_steps_loses_nothing() {
    let database = Database::new();
    let pool = database.pool();
    let mut all_steps = usize::MAX;
    let mut killed_after = 0;
    while killed_after < all_steps {
        let first = sample_account(&pool, killed_after).await;
        erase(&pool, &first.bobs_session).await;
        finish(&pool, first.bob).await;
        erase(&pool, &first.session).await;
        let worker = database.pool();
        for _ in 0..killed_after {
            assert_eq!(worker.erasures.step(first.alice).await.unwrap(), ErasureStep::More);
        }
        // Another instance continues.
        drop(worker);
        all_steps = killed_after + finish(&pool, first.alice).await;
        assert_eq!(traces(&database, first.alice), NONE);
        assert_eq!(pool.erasures.step(first.alice).await.unwrap(), ErasureStep::Elsewhere);
        killed_after += 1;
    }
    assert!(all_steps >= 4, "{all_steps}");
    assert_eq!(database.number("SELECT count(*) FROM messages"), 0);
}

#[tokio::test]
async fn a_worker_killed_within_a_step_leaves_no_part_of_it() {
    let database = Database::new();
    let (pool, victim) = (database.pool(), database.pool());
    let account = sample_account(&pool, 0).await;
    let alice = erase(&pool, &account.session).await;
    let before = traces(&database, alice);
    // The step has already deleted friendships when it reaches this row.
    let mut holder = database.connect();
    holder
        .batch_execute(&format!(
            "BEGIN; SELECT FROM conversation_members WHERE user_id = '{alice}' FOR UPDATE"
        ))
        .unwrap();
    let killed = tokio::spawn(async move { victim.erasures.step(alice).await });
    let waits = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    database.wait_until(&format!("SELECT count(*) {waits}"), |waiting| waiting > 0).await;
    assert_eq!(pool.erasures.step(alice).await.unwrap(), ErasureStep::Elsewhere, "the erasure is claimed");
    database.sql(&format!("SELECT pg_terminate_backend(pid) {waits}"));
    let error = killed.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unavailable { .. }), "{error}");
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(traces(&database, alice), before);
    finish(&pool, alice).await;
    assert_eq!(traces(&database, alice), NONE);
}
