//! The steps of an erasure: what they delete, what they leave, and how much each does.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use domain::account::{ErasureRepository, ErasureStep, LifecycleRepository};
use domain::auth::{Caller, Session};
use domain::block::BlockRepository;
use domain::conversation::{ConversationPageRequest, ConversationRepository, WindowRequest};
use domain::id::UserId;
use domain::message::MessageRepository;
use domain::search::{SearchPageRequest, SearchRepository, SearchRequest, SearchTerm};

use crate::support::{Database, Pool, directed, pair};

/// Erases an account up to the response to its owner.
pub(crate) async fn erase(pool: &Pool, session: &Session) -> UserId {
    let caller = Caller { user_id: session.user_id, session_id: session.id };
    pool.accounts.erase(caller).await.unwrap().unwrap();
    session.user_id
}

/// Runs the remaining steps and returns their number.
pub(crate) async fn finish(pool: &Pool, user: UserId) -> usize {
    let mut steps = 1;
    while pool.erasures.step(user).await.unwrap() == ErasureStep::More {
        steps += 1;
    }
    steps
}

/// Numbers of rows that refer to a user.
pub(crate) fn traces(database: &Database, user: UserId) -> [i64; 7] {
    let count = |table: &str, condition: &str| {
        database.number(&format!("SELECT count(*) FROM {table} WHERE '{user}' IN ({condition})"))
    };
    [
        count("friendships", "owner_id, friend_id"),
        count("blocks", "owner_id, blocked_id"),
        count("friendship_requests", "sender_id, receiver_id"),
        count("conversation_members", "user_id"),
        count("message_deletions", "user_id"),
        count("erasures", "user_id"),
        database.number(&format!(
            "SELECT count(*) FROM conversations
              WHERE '{user}' IN (user_lo, user_hi) AND (friends OR lo_blocks OR hi_blocks)"
        )),
    ]
}

const NONE: [i64; 7] = [0; 7];

/// Alice and her relations: Bob is a friend with messages, Carol has a pending request, Dave blocks and is blocked.
pub(crate) struct SampleAccount {
    pub(crate) session: Session,
    pub(crate) alice: UserId,
    pub(crate) bob: UserId,
    pub(crate) bobs_session: Session,
}

pub(crate) async fn sample_account(pool: &Pool, number: usize) -> SampleAccount {
    let name = |who: &str| format!("{who}_{number:04}");
    let (alice, session) = pool.register(&name("alice")).await;
    let (bob, bobs_session) = pool.register(&name("bobby")).await;
    let (carol, dave) = (pool.person(&name("carol")).await, pool.person(&name("daves")).await);
    pool.befriend(alice, bob).await;
    pool.pending(carol, alice).await;
    pool.pending(alice, dave).await;
    pool.blocks.block(directed(alice, dave)).await.unwrap();
    pool.blocks.block(directed(dave, alice)).await.unwrap();
    let first = pool.say(alice, bob, "one").await;
    let second = pool.say(bob, alice, "two").await;
    pool.messages.delete_for(alice, first).await.unwrap();
    pool.messages.delete_for(bob, second).await.unwrap();
    SampleAccount { session, alice, bob, bobs_session }
}

#[tokio::test]
async fn an_erasure_deletes_own_data_but_not_the_peers_conversation() {
    let database = Database::new();
    let pool = database.pool();
    let SampleAccount { session, alice, bob, .. } = sample_account(&pool, 0).await;
    database.sql("UPDATE conversation_members SET remark = 'Ally'");
    database.sql("UPDATE friendships SET remark = 'Ally'");
    let id = pair(alice, bob).conversation_id();
    let list = async || {
        pool.conversations.list(bob, &ConversationPageRequest::default()).await.unwrap().items.remove(0)
    };
    let window =
        async || pool.conversations.window(bob, id, &WindowRequest::default()).await.unwrap().unwrap();
    erase(&pool, &session).await;
    let (listed, opened) = (list().await, window().await);
    finish(&pool, alice).await;
    assert_eq!(traces(&database, alice), NONE);
    let (mut listed_since, mut opened_since) = (list().await, window().await);
    assert!(!opened_since.is_friend && opened_since.peer_read_seq.is_none());
    assert!(!listed_since.is_friend && listed_since.peer_read_seq.is_none());
    assert!(listed_since.remark.as_str().is_empty() && opened_since.remark.as_str().is_empty());
    // Nothing else has changed.
    (listed_since.remark, opened_since.remark) = (listed.remark.clone(), opened.remark.clone());
    (opened_since.is_friend, opened_since.peer_read_seq) = (opened.is_friend, opened.peer_read_seq);
    (listed_since.is_friend, listed_since.peer_read_seq) = (listed.is_friend, listed.peer_read_seq);
    assert_eq!((listed_since, opened_since), (listed, opened));
}

#[tokio::test]
async fn nothing_is_left_when_both_members_are_erased() {
    let database = Database::new();
    let pool = database.pool();
    for (number, together) in [(0, true), (1, false)] {
        let SampleAccount { session, alice, bob, bobs_session } = sample_account(&pool, number).await;
        let indexer = database.fast_indexer();
        database.indexed().await;
        drop(indexer);
        assert!(database.number("SELECT count(*) FROM search_blocks") > 0);
        erase(&pool, &session).await;
        if !together {
            finish(&pool, alice).await;
        }
        erase(&pool, &bobs_session).await;
        if together {
            finish(&pool, alice).await;
        }
        finish(&pool, bob).await;
        let id = pair(alice, bob).conversation_id();
        for table in [
            "messages",
            "message_deletions",
            "deletions_by_change",
            "recalls_by_change",
            "conversation_members",
            "friendship_requests",
            "search_progress",
            "search_blocks",
        ] {
            let left = format!("SELECT count(*) FROM {table} WHERE conversation_id = '{id}'");
            assert_eq!(database.number(&left), 0, "{table}");
        }
        assert_eq!(database.number(&format!("SELECT count(*) FROM conversations WHERE id = '{id}'")), 0);
        assert_eq!((traces(&database, alice), traces(&database, bob)), (NONE, NONE));
    }
    assert_eq!(database.number("SELECT count(*) FROM users WHERE state = 'erased'"), 4, "their ids stay");
}

#[tokio::test]
async fn the_peer_can_still_search_the_messages() {
    let database = Database::new();
    let pool = database.pool();
    let SampleAccount { session, alice, bob, .. } = sample_account(&pool, 0).await;
    let _indexer = database.fast_indexer();
    database.indexed().await;
    erase(&pool, &session).await;
    finish(&pool, alice).await;
    let term = SearchTerm::parse("one").unwrap();
    let request = SearchRequest { term, conversation: None, page: SearchPageRequest::default() };
    let found = pool.search.find(bob, &request).await.unwrap().unwrap();
    assert_eq!(found.items.len(), 1);
}

/// The indexer writes search blocks during the erasure.
#[tokio::test(flavor = "multi_thread")]
async fn erasing_both_members_leaves_nothing_while_search_is_busy() {
    let database = Database::new();
    let pool = database.pool();
    let _indexer = database.fast_indexer();
    let SampleAccount { session, alice, bob, bobs_session } = sample_account(&pool, 0).await;
    let id = pair(alice, bob).conversation_id();
    database.sql(&format!(
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{id}', n, '{alice}', n, 'text', now() FROM generate_series(3, 5002) n;
         UPDATE conversations SET last_seq = last_seq + 5000, lo_sent = lo_sent + 5000 WHERE id = '{id}'"
    ));
    erase(&pool, &session).await;
    erase(&pool, &bobs_session).await;
    finish(&pool, alice).await;
    finish(&pool, bob).await;
    for table in ["messages", "search_progress", "search_blocks"] {
        let left = format!("SELECT count(*) FROM {table} WHERE conversation_id = '{id}'");
        assert_eq!(database.number(&left), 0, "{table}");
    }
}

#[tokio::test]
async fn an_erasure_leaves_other_accounts_unchanged() {
    let database = Database::new();
    let pool = database.pool();
    let (erased, kept) = (sample_account(&pool, 0).await, sample_account(&pool, 1).await);
    pool.befriend(erased.bob, kept.bob).await;
    let before = (traces(&database, kept.alice), traces(&database, kept.bob));
    erase(&pool, &erased.session).await;
    finish(&pool, erased.alice).await;
    assert_eq!((traces(&database, kept.alice), traces(&database, kept.bob)), before);
    pool.say(kept.alice, kept.bob, "still here").await;
    pool.say(erased.bob, kept.bob, "still here").await;
    assert_eq!(database.number("SELECT count(*) FROM messages"), 6);
}

#[tokio::test]
async fn an_erasure_step_is_of_bounded_size() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let (bob, bobs_session) = pool.register("bob_0001").await;
    for number in 0..120 {
        let friend = pool.person(&format!("friend_{number:03}")).await;
        pool.befriend(alice, friend).await;
    }
    pool.befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    database.sql(&format!(
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{id}', n, '{alice}', n, 'text', now() FROM generate_series(1, 2500) n;
         INSERT INTO message_deletions SELECT '{id}', '{alice}', n, n FROM generate_series(2, 3000, 2) n"
    ));
    erase(&pool, &session).await;
    erase(&pool, &bobs_session).await;
    let sizes = || {
        let size = |table: &str| database.number(&format!("SELECT count(*) FROM {table}"));
        ["friendships", "messages", "message_deletions", "conversations"].map(size)
    };
    let (mut before, mut steps) = (sizes(), 0);
    while pool.erasures.step(alice).await.unwrap() == ErasureStep::More {
        let after = sizes();
        let removed: Vec<i64> = before.iter().zip(after).map(|(before, after)| before - after).collect();
        assert!(removed[0] <= 100, "at most fifty pairs of friends: {removed:?}");
        assert!(removed[1] + removed[2] <= 1000, "at most a thousand rows: {removed:?}");
        (before, steps) = (after, steps + 1);
    }
    assert_eq!(sizes(), [0, 0, 0, 120]);
    assert!(steps >= 3 + 3 + 4, "{steps}");
}

#[tokio::test]
async fn a_step_waits_for_its_first_pair_only() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, session) = pool.register("alice_01").await;
    let mut pairs = Vec::new();
    for number in 0..5 {
        let friend = pool.person(&format!("friend_{number:03}")).await;
        pool.befriend(alice, friend).await;
        pairs.push(pair(alice, friend).conversation_id());
    }
    pairs.sort_unstable();
    erase(&pool, &session).await;
    let mut holder = database.connect();
    let hold =
        |number: usize| format!("BEGIN; SELECT FROM conversations WHERE id = '{}' FOR UPDATE", pairs[number]);
    holder.batch_execute(&hold(2)).unwrap();
    assert_eq!(pool.erasures.step(alice).await.unwrap(), ErasureStep::More);
    assert_eq!(
        database.number("SELECT count(*) FROM friendships"),
        6,
        "rows before the locked one are processed"
    );
    let waiting = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.erasures.step(alice).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    database.wait_until(waits, |waiting| waiting > 0).await;
    let others = format!(
        "SELECT count(*) FROM (SELECT FROM conversations WHERE id > '{}' FOR UPDATE NOWAIT) c",
        pairs[2]
    );
    assert_eq!(database.number(&others), 2, "a waiting step holds no other pair");
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), ErasureStep::More);
    assert_eq!(database.number("SELECT count(*) FROM friendships"), 0);
}
