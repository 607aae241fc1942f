//! Deleted and recalled messages: exact under races, and cheap however many there are.

use std::sync::Arc;
use std::time::Duration;

use domain::account::UserRepository;
use domain::conversation::{ConversationPageRequest, ConversationRepository};
use domain::error::{DomainError, ErrorKind};
use domain::friendship::{FriendPageRequest, FriendshipRepository};
use domain::id::UserId;
use domain::message::{MessageRepository, Seq};
use domain::search::{SearchPageRequest, SearchRepository, SearchRequest, SearchTerm};

use crate::bulk_data::{conversation, person};
use crate::support::{Database, pair};

const WINDOW: Duration = Duration::from_secs(3600);

/// Compares the unread count with the messages, and checks that 40 deletions are in ranges that do not touch.
async fn assert_exact(database: &Database, bob: UserId, alice: UserId) {
    let by_hand = format!(
        "SELECT count(*) FROM messages x JOIN conversation_members m USING (conversation_id)
          WHERE m.user_id = '{bob}' AND x.sender_id = '{alice}' AND x.seq > greatest(m.read_seq, m.cleared_seq)
            AND x.recalled_at IS NULL AND NOT EXISTS (
                SELECT FROM message_deletions d WHERE d.user_id = '{bob}' AND x.seq BETWEEN d.first_seq AND d.last_seq)"
    );
    let list = database.pool().conversations.list(bob, &ConversationPageRequest::default()).await.unwrap();
    assert_eq!(list.items[0].unread_count, database.number(&by_hand));
    let deleted = "SELECT sum(last_seq - first_seq + 1)::bigint FROM message_deletions";
    assert_eq!(database.number(deleted), 40, "every deletion is in one range");
    let touching = "SELECT count(*) FROM message_deletions a JOIN message_deletions b
                        ON b.first_seq > a.first_seq AND b.first_seq <= a.last_seq + 1";
    assert_eq!(database.number(touching), 0, "no two ranges touch");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_hiding_and_reading_keep_unread_exact() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, bob) = (pools[0].person("alice_01").await, pools[0].person("bob_0001").await);
    pools[0].befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    let mut messages = Vec::new();
    for _ in 0..60 {
        messages.push(pools[0].say(alice, bob, "hello").await);
    }
    let mut tasks = Vec::new();
    for (number, message) in messages.into_iter().enumerate() {
        let recalling = Arc::clone(&pools[number % 2]);
        tasks.push(tokio::spawn(async move {
            if number % 2 == 0 {
                recalling.messages.recall(message, alice, WINDOW).await.unwrap();
            }
        }));
        let deleting = Arc::clone(&pools[(number + 1) % 2]);
        tasks.push(tokio::spawn(async move {
            if number % 3 > 0 {
                assert!(deleting.messages.delete_for(bob, message).await.unwrap());
            }
            if number % 20 == 10 {
                let read = Seq::new(i64::try_from(number).unwrap());
                deleting.conversations.mark_read(bob, id, read).await.unwrap();
            }
            if number % 25 == 20 {
                deleting.say(alice, bob, "more").await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_exact(&database, bob, alice).await;
}

/// The texts of a whole search, page by page, and the number of pages.
async fn searched(database: &Database, term: &str) -> (usize, usize) {
    let (pool, mut page) = (database.pool(), SearchPageRequest::default());
    let (mut found, mut pages) = (0, 0);
    loop {
        let request =
            SearchRequest { term: SearchTerm::parse(term).unwrap(), conversation: None, page: page.clone() };
        let results = pool.search.find(person(1), &request).await.unwrap().unwrap();
        (found, pages) = (found + results.items.len(), pages + 1);
        page = SearchPageRequest { after: results.next, ..page };
        if page.after.is_none() {
            return (found, pages);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_over_hidden_messages_is_paged_and_finds_all() {
    let database = Database::new();
    database.populate(2);
    database.histories(&[(1, 2, 90_000)]);
    // The even messages after the first 40,000 contain the term.
    database.sql("UPDATE messages SET content = 'secret' WHERE seq > 40000 AND seq % 2 = 0");
    let indexer = database.fast_indexer();
    database.indexed().await;
    drop(indexer);
    database.analyze();
    database.delete_for(1, 2, "1, 40000");
    database.delete_for(1, 2, "40002, 89998, 2");
    assert_eq!(searched(&database, "secret").await, (1, 2), "24,999 hidden ones end the first page early");
    assert_eq!(searched(&database, "message 4").await, (5000, 5), "one range hides the others");
    database.sql("DELETE FROM message_deletions");
    database.delete_for(1, 2, "1, 90000");
    assert_eq!(searched(&database, "secret").await, (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_removes_a_bounded_number_of_marks_and_hides_all() {
    let database = Database::new();
    database.populate(2);
    database.histories(&[(1, 2, 6000)]);
    database.delete_for(1, 2, "1, 5999, 2");
    let pool = database.pool();
    assert!(pool.conversations.clear(person(1), conversation(1, 2)).await.unwrap());
    assert_eq!(database.number("SELECT count(*) FROM message_deletions"), 2000);
    assert_eq!(pool.users.summary(person(1)).await.unwrap().unwrap().unread_total, 0);
    let newest = pool.say(person(2), person(1), "after").await;
    let list = pool.conversations.list(person(1), &ConversationPageRequest::default()).await.unwrap();
    assert_eq!(list.items[0].last_message.as_ref().unwrap().id, newest);
    assert!(pool.messages.delete_for(person(1), newest).await.unwrap());
    let list = pool.conversations.list(person(1), &ConversationPageRequest::default()).await.unwrap();
    assert_eq!((list.items[0].unread_count, list.items[0].last_message.is_none()), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_ends_by_its_own_time_limit_before_that_of_a_lock() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let mut holder = database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut holder, "BEGIN; LOCK TABLE friendships")
        .unwrap();
    let refused = pool.friendships.list(alice, &FriendPageRequest::default()).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unavailable { .. }), "{refused:?}");
    assert!(format!("{refused:?}").contains("statement timeout"), "{refused:?}");
}
