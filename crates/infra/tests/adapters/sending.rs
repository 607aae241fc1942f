use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::conversation::{ConversationRepository, WindowAnchor, WindowRequest};
use domain::id::{ConversationId, UserId};
use domain::message::{SendOutcome, SendRefusal, Seq};

use crate::support::{Database, Pool, draft, pair};

async fn friends(pool: &Pool) -> (domain::id::UserId, domain::id::UserId) {
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn seq_has_no_gaps_and_pollers_miss_nothing_under_32_senders() {
    const SENDERS: usize = 32;
    const EACH: usize = 25;
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, bob) = friends(&pools[0]).await;
    let id = pair(alice, bob).conversation_id();
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let pool = Arc::clone(&pools[number % 2]);
            let (from, to) = if number % 3 == 0 { (alice, bob) } else { (bob, alice) };
            tokio::spawn(async move {
                let mut last = Seq::NONE;
                for count in 0..EACH {
                    let sent = pool.say(from, to, &format!("{number}/{count}")).await;
                    assert!(sent.seq > last, "one sender's messages stay in order");
                    last = sent.seq;
                }
            })
        })
        .collect();
    // Both members poll at each of the two writing instances.
    let followers: Vec<_> = [(alice, 0), (alice, 1), (bob, 0), (bob, 1)]
        .into_iter()
        .map(|(who, pool)| tokio::spawn(follow(Arc::clone(&pools[pool]), (who, id), SENDERS * EACH)))
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    for follower in followers {
        assert_gapless(&database, &follower.await.unwrap(), SENDERS * EACH);
    }
}

/// Polls until `count` messages have arrived, and returns them in the order of arrival.
async fn follow(pool: Arc<Pool>, (who, id): (UserId, ConversationId), count: usize) -> Vec<(i64, String)> {
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while seen.len() < count {
        assert!(Instant::now() < deadline, "only {} messages arrived", seen.len());
        let after = Seq::new(i64::try_from(seen.len()).unwrap());
        let request = WindowRequest::parse(WindowAnchor::After(after), Some(10)).unwrap();
        let window = pool.conversations.window(who, id, &request).await.unwrap().unwrap();
        for message in window.messages {
            seen.push((message.id.seq.get(), message.state.into_text().unwrap().into_inner()));
        }
    }
    seen
}

/// Checks that every `seq` and every text occurs once and that times and ordinals agree with `seq`.
fn assert_gapless(database: &Database, seen: &[(i64, String)], count: usize) {
    let seqs: Vec<i64> = seen.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|(_, text)| text).collect::<HashSet<_>>().len(), count);
    let backwards = "SELECT count(*) FROM messages a JOIN messages b
        ON b.conversation_id = a.conversation_id AND b.seq = a.seq + 1 WHERE b.created_at < a.created_at";
    assert_eq!(database.number(backwards), 0, "a later seq never has an earlier time");
    let ordinals = "SELECT count(*) FROM (SELECT sender_ordinal,
        row_number() OVER (PARTITION BY sender_id ORDER BY seq) AS n FROM messages) m WHERE sender_ordinal <> n";
    assert_eq!(database.number(ordinals), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_messages_share_one_conversation() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let mut people = Vec::new();
    for number in 0..15 {
        people.push(pools[0].person(&format!("person_{number:02}")).await);
    }
    let pairs = (0..people.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
    let pairs: Vec<_> = pairs.map(|(one, other)| (people[one], people[other])).take(100).collect();
    for (one, other) in &pairs {
        pools[0].befriend(*one, *other).await;
    }
    let both = pairs.iter().map(|(one, other)| {
        let (pools, one, other) = (pools.clone(), *one, *other);
        tokio::spawn(
            async move { tokio::join!(pools[0].say(one, other, "a"), pools[1].say(other, one, "b")) },
        )
    });
    for sent in both.collect::<Vec<_>>() {
        let (one, other) = sent.await.unwrap();
        assert_eq!(one.conversation, other.conversation);
        assert_eq!(one.seq.get() + other.seq.get(), 3);
    }
    let with_two = "SELECT count(*) FROM conversations WHERE last_seq = 2";
    assert_eq!(
        (database.number("SELECT count(*) FROM conversations"), database.number(with_two)),
        (100, 100)
    );
}

#[tokio::test]
async fn a_batch_of_many_conversations_has_an_outcome_per_draft() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = friends(&pool).await;
    let (carol, dave) = (pool.person("carol_01").await, pool.person("dave_001").await);
    pool.befriend(alice, carol).await;
    let outcomes = pool
        .send_all(vec![
            draft(alice, bob, "1", Some("k")),
            draft(alice, carol, "2", None),
            draft(alice, dave, "never", None),
            draft(bob, alice, "3", Some("k")),
            draft(alice, bob, "1", Some("k")),
            draft(alice, bob, "other", Some("k")),
            draft(alice, bob, "4", None),
        ])
        .await;
    let seq = |place: usize| match outcomes[place] {
        SendOutcome::Sent(message) => message.id.seq.get(),
        SendOutcome::Refused(refusal) => panic!("{place}: {refusal:?}"),
    };
    assert_eq!((seq(0), seq(1), seq(3), seq(4), seq(6)), (1, 1, 2, 1, 3));
    assert_eq!(outcomes[2], SendOutcome::Refused(SendRefusal::NotFriends));
    assert_eq!(outcomes[5], SendOutcome::Refused(SendRefusal::IdempotencyConflict));
    assert_eq!(database.number("SELECT count(*) FROM messages"), 4);
    assert_eq!(database.number("SELECT sum(last_seq) FROM conversations"), 4);
}

/// The time that a sender learns, and the time of the message in the database.
fn times(database: &Database, outcome: &SendOutcome) -> (i64, i64) {
    let SendOutcome::Sent(message) = outcome else { panic!("{outcome:?}") };
    let stored = database.number(&format!(
        "SELECT (extract(epoch FROM created_at) * 1000000)::bigint FROM messages
          WHERE conversation_id = '{}' AND seq = {}",
        message.id.conversation,
        message.id.seq.get(),
    ));
    (message.created_at.timestamp_micros(), stored)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_learns_the_stored_time_also_when_repeating() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = friends(&pool).await;
    let carol = pool.person("carol_01").await;
    pool.befriend(alice, carol).await;
    let drafts = vec![
        draft(alice, bob, "1", Some("k")),
        draft(alice, carol, "2", None),
        draft(alice, bob, "1", Some("k")),
        draft(bob, alice, "3", None),
    ];
    let mut outcomes = pool.send_all(drafts).await;
    outcomes
        .extend(pool.send_all(vec![draft(alice, bob, "1", Some("k")), draft(alice, bob, "4", None)]).await);
    for outcome in &outcomes {
        let (learned, stored) = times(&database, outcome);
        assert_eq!(learned, stored, "{outcome:?}");
    }
    assert_eq!((outcomes[2], outcomes[4]), (outcomes[0], outcomes[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_batches_of_two_instances_do_not_deadlock() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let hub = pools[0].person("the_hub_1").await;
    let mut others = Vec::new();
    for number in 0..10 {
        let person = pools[0].person(&format!("person_{number:02}")).await;
        pools[0].befriend(hub, person).await;
        others.push(person);
    }
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (pool, mut order) = (Arc::clone(&pools[number % 2]), others.clone());
            order.rotate_left(number % 10);
            if number % 3 == 0 {
                order.reverse();
            }
            let both_ways = |(place, other): (usize, &UserId)| match place % 2 {
                0 => draft(hub, *other, "hi", None),
                _ => draft(*other, hub, "hi", None),
            };
            let drafts = order.iter().enumerate().map(both_ways).collect();
            tokio::spawn(async move { pool.send_all(drafts).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().iter().all(|outcome| matches!(outcome, SendOutcome::Sent(_))));
    }
    assert_eq!(database.number("SELECT count(*) FROM conversations WHERE last_seq = 20"), 10);
    let gapless = "SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY conversation_id
                    HAVING min(seq) = 1 AND max(seq) = 20 AND count(*) = 20) whole";
    assert_eq!(database.number(gapless), 10);
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(database.number(deadlocks), 0);
}
