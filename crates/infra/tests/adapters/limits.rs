//! Limits that hold under concurrency, on two instances.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::friendship::{FriendLimit, FriendshipRepository};
use domain::friendship_request::{
    Answer, AnswerOutcome, AnswerRefusal, AskOutcome, AskRefusal, FriendshipRequestRepository, NewRequest,
    RequestRules, VerificationMessage,
};
use domain::id::{RequestId, UserId};

use crate::support::{Database, Pool, directed};

/// Gives a user this many friends that have no other friends.
fn give_friends(database: &Database, owner: UserId, count: u32) {
    database.sql(&format!(
        "WITH others AS (
             INSERT INTO users (id, uid, name, password_hash)
             SELECT gen_random_uuid(), 'f' || left(md5('{owner}'), 8) || number, 'n', 'x'
               FROM generate_series(1, {count}) number
             RETURNING id)
         INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
         SELECT '{owner}'::uuid, id, gen_random_uuid(), now() FROM others"
    ));
}

fn friends_of(database: &Database, owner: UserId) -> i64 {
    database.number(&format!("SELECT count(*) FROM friendships WHERE owner_id = '{owner}'"))
}

async fn people(pool: &Pool, name: &str, count: usize) -> Vec<UserId> {
    let mut people = Vec::new();
    for number in 0..count {
        people.push(pool.person(&format!("{name}_{number:03}")).await);
    }
    people
}

/// Sends a request under a quota.
async fn ask_under(pool: &Pool, sender: UserId, receiver: UserId, per_day: u32) -> AskOutcome {
    let request = NewRequest {
        from: directed(sender, receiver),
        message: VerificationMessage::default(),
        rules: RequestRules {
            time_to_live: Duration::from_secs(3600),
            per_day: NonZeroU32::new(per_day),
            per_pair_and_day: NonZeroU32::new(3),
        },
    };
    pool.ask_with(&request).await
}

/// The outcomes when one sender asks all others at once, half of them on each instance.
async fn ask_all_at_once(
    pools: &[Arc<Pool>; 2],
    sender: UserId,
    others: &[UserId],
    per_day: u32,
) -> Vec<AskOutcome> {
    let ask = |(number, receiver): (usize, &UserId)| {
        let (pool, receiver) = (Arc::clone(&pools[number % 2]), *receiver);
        tokio::spawn(async move { ask_under(&pool, sender, receiver, per_day).await })
    };
    let tasks: Vec<_> = others.iter().enumerate().map(ask).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn created(outcomes: &[AskOutcome]) -> Vec<RequestId> {
    let created = outcomes.iter().filter_map(|outcome| match outcome {
        AskOutcome::Created(id) => Some(*id),
        _ => None,
    });
    created.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_of_one_sender_stop_at_one_hundred() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let receivers = people(&pools[0], "receiver", 112).await;
    // Several limits are tried, because one could hold by chance.
    for sender in people(&pools[0], "sender", 6).await {
        let outcomes = ask_all_at_once(&pools, sender, &receivers, 0).await;
        let refused = AskOutcome::Refused(AskRefusal::TooManyPending);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused).count(), 12);
        assert_eq!(created(&outcomes).len(), 100);
    }
}

#[tokio::test]
async fn closed_requests_no_longer_count_against_the_limit() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let sender = pools[0].person("the_sender").await;
    let outcomes = ask_all_at_once(&pools, sender, &people(&pools[0], "receiver", 100).await, 0).await;
    let waiting = created(&outcomes);
    let others = people(&pools[0], "other", 5).await;
    let full = AskOutcome::Refused(AskRefusal::TooManyPending);
    assert_eq!(pools[0].ask(sender, others[0]).await, full);
    pools[1].requests.withdraw(waiting[0], sender).await.unwrap();
    assert!(matches!(pools[0].ask(sender, others[0]).await, AskOutcome::Created(_)), "one was withdrawn");
    assert_eq!(pools[1].ask(sender, others[1]).await, full);
    database
        .sql(&format!("UPDATE friendship_requests SET expires_at = created_at WHERE id = '{}'", waiting[1]));
    assert!(matches!(pools[1].ask(sender, others[1]).await, AskOutcome::Created(_)), "one is overdue");
    assert_eq!(pools[0].ask(sender, others[2]).await, full);
    assert!(
        matches!(pools[0].ask(others[3], others[2]).await, AskOutcome::Created(_)),
        "each sender has a separate limit"
    );
    assert!(matches!(pools[0].ask(others[3], sender).await, AskOutcome::Created(_)));
    assert!(
        matches!(pools[0].ask(sender, others[3]).await, AskOutcome::Accepted(_)),
        "accepting by a request in the other direction adds no pending request"
    );
}

#[tokio::test]
async fn a_sender_asks_one_receiver_three_times_a_day_on_all_instances() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, bob) = (pools[0].person("alice_01").await, pools[0].person("bob_0001").await);
    let carol = pools[0].person("carol_01").await;
    let ask = async |pool: usize, sender, receiver| ask_under(&pools[pool], sender, receiver, 0).await;
    for number in 0..3 {
        let AskOutcome::Created(id) = ask(number % 2, alice, bob).await else { panic!("{number}") };
        if number == 1 {
            pools[0].requests.answer(id, bob, Answer::Reject).await.unwrap();
        } else {
            pools[0].requests.withdraw(id, alice).await.unwrap();
        }
    }
    let wait = |outcome| match outcome {
        AskOutcome::Refused(AskRefusal::PairQuotaUsedUp(wait)) => wait,
        other => panic!("{other:?}"),
    };
    assert!(wait(ask(1, alice, bob).await) <= Duration::from_secs(86_400));
    assert!(matches!(ask(0, alice, carol).await, AskOutcome::Created(_)), "another receiver is free");
    database.sql("UPDATE friendship_requests SET created_at = created_at - interval '23 hours'");
    assert!(wait(ask(0, alice, bob).await) <= Duration::from_secs(3600));
    let AskOutcome::Created(id) = ask(1, bob, alice).await else { panic!("the receiver has its own three") };
    pools[0].requests.answer(id, alice, Answer::Accept).await.unwrap();
    pools[0].friendships.remove(directed(alice, bob)).await.unwrap();
    database.sql("UPDATE friendship_requests SET created_at = created_at - interval '1 hour'");
    for _ in 0..5 {
        let AskOutcome::Created(id) = ask(0, alice, bob).await else { panic!("accepted ones do not count") };
        pools[0].requests.answer(id, bob, Answer::Accept).await.unwrap();
        pools[0].friendships.remove(directed(alice, bob)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_acceptances_never_exceed_the_friend_limit() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let popular = pools[0].person("popular_1").await;
    give_friends(&database, popular, 9_996);
    let askers = people(&pools[0], "asker", 12).await;
    let asked = people(&pools[0], "asked", 12).await;
    let mut tasks = Vec::new();
    for (number, (asker, asked)) in askers.into_iter().zip(asked).enumerate() {
        // One requester who is accepted, one receiver who accepts, and one receiver who accepts by a request of its own.
        let received = pools[0].pending(asker, popular).await;
        let sent = pools[0].pending(popular, asked).await;
        let (here, there) = (Arc::clone(&pools[number % 2]), Arc::clone(&pools[(number + 1) % 2]));
        tasks.push(tokio::spawn(async move {
            let answered = here.requests.answer(received, popular, Answer::Accept).await.unwrap();
            matches_limit(answered, FriendLimit::Own)
        }));
        tasks.push(tokio::spawn(async move {
            if number % 2 == 0 {
                return matches_limit(
                    there.requests.answer(sent, asked, Answer::Accept).await.unwrap(),
                    FriendLimit::Peer,
                );
            }
            match there.ask(asked, popular).await {
                AskOutcome::Accepted(_) => true,
                AskOutcome::Refused(AskRefusal::FriendLimit(FriendLimit::Peer)) => false,
                other => panic!("{other:?}"),
            }
        }));
    }
    let mut befriended = 0;
    for task in tasks {
        befriended += i64::from(task.await.unwrap());
    }
    assert_eq!((befriended, friends_of(&database, popular)), (4, 10_000));
    assert_eq!(database.number("SELECT count(*) FROM conversations WHERE friends"), 4);
    let waiting = "SELECT count(*) FROM friendship_requests WHERE status = 'pending'";
    assert_eq!(database.number(waiting), 20, "refused requests stay pending");
}

/// Whether it succeeded; otherwise it must have failed because of this limit.
fn matches_limit(outcome: AnswerOutcome, limit: FriendLimit) -> bool {
    match outcome {
        AnswerOutcome::Accepted(_) => true,
        AnswerOutcome::Refused(AnswerRefusal::FriendLimit(found)) if found == limit => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_requests_stop_at_the_friend_limit() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let popular = pools[0].person("popular_1").await;
    give_friends(&database, popular, 9_998);
    let others = people(&pools[0], "other", 10).await;
    let mut tasks = Vec::new();
    for (number, other) in others.into_iter().enumerate() {
        for (sender, receiver, pool) in [(popular, other, number % 2), (other, popular, (number + 1) % 2)] {
            let pool = Arc::clone(&pools[pool]);
            tasks.push(tokio::spawn(async move { pool.ask(sender, receiver).await }));
        }
    }
    let (mut created, mut accepted, mut refused) = (0, 0, 0);
    for task in tasks {
        match task.await.unwrap() {
            AskOutcome::Created(_) => created += 1,
            AskOutcome::Accepted(_) => accepted += 1,
            AskOutcome::Refused(AskRefusal::FriendLimit(_)) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((created, accepted, refused), (10, 2, 8));
    assert_eq!(friends_of(&database, popular), 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_quota_holds_on_two_instances() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let receivers = people(&pools[0], "receiver", 16).await;
    for sender in people(&pools[0], "sender", 12).await {
        let outcomes = ask_all_at_once(&pools, sender, &receivers, 5).await;
        assert_eq!(created(&outcomes).len(), 5);
        for outcome in outcomes {
            let AskOutcome::Refused(refusal) = outcome else { continue };
            let AskRefusal::QuotaUsedUp(wait) = refusal else { panic!("{refusal:?}") };
            assert!(wait > Duration::from_secs(86_000) && wait <= Duration::from_secs(86_400), "{wait:?}");
        }
    }
}

#[tokio::test]
async fn the_request_quota_slides_over_a_day_and_counts_all_sent() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (sender, another) = (pools[0].person("the_sender").await, pools[0].person("another_1").await);
    let others = people(&pools[0], "other", 7).await;
    let sent = created(&ask_all_at_once(&pools, sender, &others[..5], 5).await);
    assert_eq!(sent.len(), 5);
    pools[0].requests.withdraw(sent[0], sender).await.unwrap();
    let used_up = async |receiver| {
        let outcome = ask_under(&pools[1], sender, receiver, 5).await;
        matches!(outcome, AskOutcome::Refused(AskRefusal::QuotaUsedUp(_)))
    };
    assert!(used_up(others[5]).await, "a withdrawn request counts as sent");
    assert!(matches!(ask_under(&pools[0], another, sender, 5).await, AskOutcome::Created(_)));
    assert!(matches!(ask_under(&pools[0], sender, another, 5).await, AskOutcome::Accepted(_)));
    let a_day_ago = "UPDATE friendship_requests SET created_at = created_at - interval '1 day' WHERE id =";
    database.sql(&format!("{a_day_ago} '{}'", sent[1]));
    assert!(matches!(ask_under(&pools[1], sender, others[5], 5).await, AskOutcome::Created(_)));
    assert!(used_up(others[6]).await);
}

#[tokio::test]
async fn a_request_of_an_erased_account_cannot_be_accepted() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let request = pool.pending(alice, bob).await;
    database.sql(&format!(
        "UPDATE users SET state = 'erased', erased_at = now(), uid = '', name = '', password_hash = '' WHERE id = '{alice}'"
    ));
    let answered = pool.requests.answer(request, bob, Answer::Accept).await.unwrap();
    assert_eq!(answered, AnswerOutcome::Unknown);
    assert_eq!(friends_of(&database, bob), 0);
}
