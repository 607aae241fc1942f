//! What a block hides: how far the two users read, and requests.

use std::sync::Arc;

use domain::account::{Relation, Uid, UserRepository};
use domain::block::BlockRepository;
use domain::conversation::{ConversationRepository, WindowRequest};
use domain::friendship_request::{Answer, Direction, FriendshipRequestRepository, RequestPageRequest};
use domain::id::UserId;
use domain::message::Seq;

use crate::support::{Database, Pool, directed, pair};

/// What `viewer` sees of the position to which `peer` has read.
async fn seen(pool: &Pool, viewer: UserId, peer: UserId) -> Option<i64> {
    let conversation = pair(viewer, peer).conversation_id();
    let window = pool.conversations.window(viewer, conversation, &WindowRequest::default()).await.unwrap();
    window.unwrap().peer_read_seq.map(Seq::get)
}

async fn read(pool: &Pool, member: UserId, peer: UserId, seq: i64) {
    let conversation = pair(member, peer).conversation_id();
    let position = pool.conversations.mark_read(member, conversation, Seq::new(seq)).await.unwrap().unwrap();
    assert_eq!(position.read_seq.get(), seq, "the member's own position moves");
}

#[tokio::test]
async fn a_block_hides_what_both_read_until_they_read_again() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    for text in ["1", "2", "3", "4"] {
        pool.say(bob, alice, text).await;
    }
    read(&pool, alice, bob, 1).await;
    assert_eq!(seen(&pool, bob, alice).await, Some(1));
    pool.blocks.block(directed(alice, bob)).await.unwrap();
    read(&pool, alice, bob, 3).await;
    read(&pool, bob, alice, 2).await;
    assert_eq!((seen(&pool, bob, alice).await, seen(&pool, alice, bob).await), (Some(1), Some(0)));
    pool.blocks.block(directed(bob, alice)).await.unwrap();
    pool.blocks.unblock(directed(alice, bob)).await.unwrap();
    read(&pool, alice, bob, 4).await;
    assert_eq!(seen(&pool, bob, alice).await, Some(1), "the other block still hides it");
    pool.blocks.unblock(directed(bob, alice)).await.unwrap();
    assert_eq!((seen(&pool, bob, alice).await, seen(&pool, alice, bob).await), (Some(1), Some(0)));
    read(&pool, alice, bob, 4).await;
    assert_eq!(seen(&pool, bob, alice).await, Some(4), "reading again, even without a new message, shows it");
    read(&pool, bob, alice, 3).await;
    assert_eq!(seen(&pool, alice, bob).await, Some(3));
}

#[tokio::test]
async fn a_friendship_that_begins_under_a_block_shows_no_reading() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.blocks.block(directed(alice, bob)).await.unwrap();
    let request = pool.pending(alice, bob).await;
    pool.requests.answer(request, bob, Answer::Accept).await.unwrap();
    pool.say(alice, bob, "the blocker may write").await;
    read(&pool, bob, alice, 1).await;
    assert_eq!(seen(&pool, alice, bob).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_during_a_block_is_never_shown_after_it() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    for round in 0..20 {
        let alice = pools[0].person(&format!("alice_{round:02}")).await;
        let bob = pools[0].person(&format!("bobby_{round:02}")).await;
        pools[0].befriend(alice, bob).await;
        pools[0].say(bob, alice, "1").await;
        let blocking = {
            let pool = Arc::clone(&pools[0]);
            tokio::spawn(async move { pool.blocks.block(directed(alice, bob)).await.unwrap() })
        };
        read(&pools[1], alice, bob, 1).await;
        blocking.await.unwrap();
        let at_the_block = seen(&pools[0], bob, alice).await;
        pools[0].say(alice, bob, "2").await;
        read(&pools[1], alice, bob, 2).await;
        assert_eq!(seen(&pools[0], bob, alice).await, at_the_block, "round {round}");
    }
}

async fn received(pool: &Pool, user: UserId) -> usize {
    let page = RequestPageRequest::default();
    pool.requests.list(user, Direction::Received, &page).await.unwrap().items.len()
}

#[tokio::test]
async fn requests_of_a_blocked_user_are_hidden_while_the_block_lasts() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let request = pool.pending(bob, alice).await;
    let state = async || {
        let summary = pool.users.summary(alice).await.unwrap().unwrap();
        let found = pool.users.find_by_uid(alice, &Uid::parse("bob_0001").unwrap()).await.unwrap().unwrap();
        (received(&pool, alice).await, summary.pending_requests, found.relation)
    };
    assert_eq!(state().await, (1, 1, Relation::RequestReceived));
    pool.blocks.block(directed(alice, bob)).await.unwrap();
    assert_eq!(state().await, (0, 0, Relation::None));
    let bobs = pool.users.find_by_uid(bob, &Uid::parse("alice_01").unwrap()).await.unwrap().unwrap();
    assert_eq!(bobs.relation, Relation::RequestSent, "the blocked one sees no change");
    pool.blocks.unblock(directed(alice, bob)).await.unwrap();
    assert_eq!(state().await, (1, 1, Relation::RequestReceived));
    pool.requests.answer(request, alice, Answer::Reject).await.unwrap();
    assert_eq!(received(&pool, alice).await, 1, "an answered request stays");
    let again = pool.pending(bob, alice).await;
    pool.requests.withdraw(again, bob).await.unwrap();
    assert_eq!(received(&pool, alice).await, 1, "a withdrawn request leaves");
}
