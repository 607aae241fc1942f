use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::error::{DomainError, ErrorKind};
use domain::friendship::{FriendshipRepository, Remark};
use domain::friendship_request::{
    Answer, AnswerOutcome, AskOutcome, FriendshipRequestRepository, NewRequest,
};
use domain::message::{MessageRepository, SendOutcome, SendRefusal};

use crate::support::{Database, Pool, directed, draft, pair};

impl Pool {
    /// Sends a request, again while the pool's queue is too long, as clients do after a 503: on a busy machine it may be.
    pub(crate) async fn ask_with(&self, request: &NewRequest) -> AskOutcome {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.requests.ask(request).await {
                Err(error)
                    if matches!(error.kind(), ErrorKind::Unavailable { .. }) && Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcome => return outcome.unwrap(),
            }
        }
    }
}

/// Every friendship has both rows and an equal pair row, and friends have no pending request.
fn assert_consistent(database: &Database, friendships: i64) {
    assert_eq!(database.number("SELECT count(*) FROM friendships"), 2 * friendships);
    assert_eq!(database.number("SELECT count(DISTINCT friendship_id) FROM friendships"), friendships);
    assert_eq!(database.number("SELECT count(*) FROM conversations WHERE friends"), friendships);
    let one_sided = "SELECT count(*) FROM friendships a WHERE NOT EXISTS (SELECT FROM friendships b
        WHERE b.owner_id = a.friend_id AND b.friend_id = a.owner_id AND b.friendship_id = a.friendship_id)";
    assert_eq!(database.number(one_sided), 0);
    let waiting =
        "SELECT count(*) FROM friendship_requests r JOIN conversations c ON c.id = r.conversation_id
        WHERE c.friends AND r.status = 'pending'";
    assert_eq!(database.number(waiting), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_requests_always_end_in_one_friendship() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let mut people = Vec::new();
    for number in 0..21 {
        people.push(pools[0].person(&format!("person_{number:02}")).await);
    }
    let pairs: Vec<_> = (0..people.len())
        .flat_map(|one| (0..one).map(move |other| (one, other)))
        .map(|(one, other)| (people[one], people[other]))
        .take(200)
        .collect();
    let mut tasks = Vec::new();
    for (number, (one, other)) in pairs.iter().copied().enumerate() {
        for (sender, receiver, pool) in [(one, other, number % 2), (other, one, (number + 1) % 2)] {
            let pool = Arc::clone(&pools[pool]);
            tasks.push(tokio::spawn(async move { pool.ask(sender, receiver).await }));
        }
    }
    let (mut created, mut accepted) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            AskOutcome::Created(_) => created += 1,
            AskOutcome::Accepted(_) => accepted += 1,
            other => panic!("both requests succeed: {other:?}"),
        }
    }
    assert_eq!((created, accepted), (200, 200));
    assert_consistent(&database, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_answers_and_a_withdrawal_exactly_one_wins() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let mut friends = 0;
    for round in 0..30 {
        let alice = pools[0].person(&format!("alice_{round:02}")).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        let request = pools[0].pending(alice, bob).await;
        let tasks: Vec<_> = (0..6)
            .map(|number| {
                let pool = Arc::clone(&pools[number % 2]);
                tokio::spawn(async move {
                    let outcome = match number % 3 {
                        0 => pool.requests.answer(request, bob, Answer::Accept).await,
                        1 => pool.requests.answer(request, bob, Answer::Reject).await,
                        _ => pool.requests.withdraw(request, alice).await,
                    };
                    (number % 3, outcome.unwrap())
                })
            })
            .collect();
        let mut won = Vec::new();
        for task in tasks {
            let (kind, outcome) = task.await.unwrap();
            match outcome {
                AnswerOutcome::Done | AnswerOutcome::Accepted(_) => won.push(kind),
                other => assert!(matches!(other, AnswerOutcome::Refused(_)), "{other:?}"),
            }
        }
        assert_eq!(won.len(), 1);
        friends += i64::from(won[0] == 0);
    }
    assert_consistent(&database, friends);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_accepted_after_an_unfriending_was_committed() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..10 {
        let alice = pools[0].person(&format!("alice_{round:02}")).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        pools[0].befriend(alice, bob).await;
        let sender = Arc::clone(&pools[1]);
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            loop {
                match sender.messages.send(draft(bob, alice, "hi", None)).await.unwrap() {
                    SendOutcome::Sent(_) => sent += 1,
                    SendOutcome::Refused(refusal) => return (sent, refusal),
                }
            }
        });
        pools[0].say(alice, bob, "bye").await;
        assert!(pools[0].friendships.remove(directed(alice, bob)).await.unwrap());
        let id = pair(alice, bob).conversation_id();
        let at_the_end = database.number(&format!("SELECT last_seq FROM conversations WHERE id = '{id}'"));
        let (sent, refusal) = sending.await.unwrap();
        assert_eq!(refusal, SendRefusal::NotFriends);
        let finally = database.number(&format!("SELECT last_seq FROM conversations WHERE id = '{id}'"));
        assert_eq!((at_the_end, sent + 1), (finally, finally));
    }
}

#[tokio::test]
async fn an_overdue_request_is_marked_expired_when_it_is_touched() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let first = pool.pending(alice, bob).await;
    database.sql("UPDATE friendship_requests SET expires_at = created_at");
    let second = pool.pending(bob, alice).await;
    assert_ne!(first, second);
    let expired =
        format!("SELECT count(*) FROM friendship_requests WHERE id = '{first}' AND status = 'expired'");
    assert_eq!(database.number(&expired), 1);
    database.sql("UPDATE friendship_requests SET expires_at = created_at WHERE status = 'pending'");
    let outcome = pool.requests.answer(second, alice, Answer::Accept).await.unwrap();
    assert!(matches!(outcome, AnswerOutcome::Refused(_)));
    assert_eq!(database.number("SELECT count(*) FROM friendship_requests WHERE status = 'expired'"), 2);
}

#[tokio::test]
async fn an_erased_account_cannot_be_asked_for_friendship() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    database.sql(&format!(
        "UPDATE users SET state = 'erased', erased_at = now(), uid = '', name = '', password_hash = '' WHERE id = '{bob}'"
    ));
    assert_eq!(pool.ask(alice, bob).await, AskOutcome::UnknownUser);
    assert_eq!(database.number("SELECT count(*) FROM conversations"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_remarks_and_unfriending_keep_both_copies_equal() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..20 {
        let alice = pools[0].person(&format!("alice_{round:02}")).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        pools[0].befriend(alice, bob).await;
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let pool = Arc::clone(&pools[number % 2]);
                let owner = if number % 3 == 0 { directed(bob, alice) } else { directed(alice, bob) };
                let remark = format!("remark {number}");
                tokio::spawn(async move {
                    if number == 5 && round % 2 == 0 {
                        return pool.friendships.remove(directed(alice, bob)).await.unwrap();
                    }
                    let remark = Remark::parse(&remark).unwrap();
                    pool.friendships.set_remark(owner, &remark).await.unwrap()
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    let unequal = "SELECT count(*) FROM conversation_members m
        LEFT JOIN friendships f ON f.owner_id = m.user_id AND f.friend_id = m.peer_id
        WHERE m.remark <> coalesce(f.remark, '')";
    assert_eq!(database.number(unequal), 0);
    assert_eq!(database.number("SELECT count(*) FROM friendships WHERE remark <> ''"), 20);
}
