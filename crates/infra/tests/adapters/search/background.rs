use std::sync::Arc;
use std::time::Duration;

use domain::message::MessageRepository;

use crate::support::{Database, draft, pair};

/// More than two blocks and part of a third.
const MANY: usize = 75;

#[tokio::test(flavor = "multi_thread")]
async fn search_is_complete_when_the_indexer_lags_dies_or_restarts() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let mut expected: Vec<String> = Vec::new();
    for round in 0..3 {
        let drafts = (0..MANY).map(|number| draft(alice, bob, &format!("Word {round}/{number}"), None));
        pool.send_all(drafts.collect()).await;
        expected.splice(0..0, (0..MANY).rev().map(|number| format!("Word {round}/{number}")));
        assert_eq!(pool.found(bob, "word").await, expected, "no recent message is in a block");
        for _ in 0..20 {
            // The indexer is dropped at an arbitrary moment.
            drop(database.fast_indexer());
            assert_eq!(pool.found(bob, "word").await, expected);
        }
        let (one, other) = (database.fast_indexer(), database.fast_indexer());
        database.indexed().await;
        drop((one, other));
        assert_eq!(pool.found(bob, "word").await, expected, "all messages are in blocks");
    }
    assert_eq!(database.number("SELECT count(*) FROM search_blocks"), 8);
    database.sql("DELETE FROM search_progress WHERE true");
    assert_eq!(database.number("SELECT count(*) FROM search_blocks"), 0);
    assert_eq!(pool.found(bob, "word").await, expected, "emptied blocks are read from the messages");
    let _indexer = database.fast_indexer();
    database.indexed().await;
    assert_eq!(pool.found(bob, "word").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn recalled_texts_are_never_left_in_a_search_block() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, bob) = (pools[0].person("alice_01").await, pools[0].person("bob_0001").await);
    pools[0].befriend(alice, bob).await;
    let _indexers = [database.fast_indexer(), database.fast_indexer()];
    for round in 0..10 {
        let mut recalls = Vec::new();
        for number in 0..40 {
            let message = pools[0].say(alice, bob, &format!("secret {round}/{number}")).await;
            let pool = Arc::clone(&pools[number % 2]);
            recalls.push(tokio::spawn(async move {
                pool.messages.recall(message, alice, Duration::from_secs(60)).await.unwrap();
            }));
        }
        pools[0].say(alice, bob, "kept").await;
        for recall in recalls {
            recall.await.unwrap();
        }
    }
    database.indexed().await;
    assert_eq!(database.number("SELECT count(*) FROM search_blocks WHERE folded LIKE '%secret%'"), 0);
    assert_eq!(pools[0].found(bob, "kept").await.len(), 10);
    let id = pair(alice, bob).conversation_id();
    assert_eq!(pools[0].found_in(bob, id, "secret").await, Some(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_conversation_leaves_no_text_in_search_blocks() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    pool.say(alice, bob, "secret").await;
    let _indexer = database.fast_indexer();
    database.indexed().await;
    assert_eq!(database.number("SELECT count(*) FROM search_blocks"), 1);
    // Erased messages are not written a second time.
    database.sql("BEGIN; DELETE FROM messages; DELETE FROM search_progress; COMMIT");
    database.indexed().await;
    assert_eq!(database.number("SELECT count(*) FROM search_blocks"), 0);
    database.sql("DELETE FROM conversations");
    assert_eq!(database.number("SELECT count(*) FROM search_progress"), 0);
}
