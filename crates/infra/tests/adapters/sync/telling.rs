//! What a catch-up tells.

use std::sync::Arc;
use std::time::Duration;

use domain::account::{ProfileChange, UserRepository};
use domain::block::BlockRepository;
use domain::conversation::{ConversationRepository, WindowRequest};
use domain::message::{MessageRepository, Seq};
use domain::realtime::{ChangeReader, ChangedParts, ReadPoint, StaleList, SyncFrom, SyncPlace};
use infra::postgres::PgChangeReader;

use super::client::{Device, News, page};
use crate::support::{Database, directed, pair};
use crate::users::renaming;

const WINDOW: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_catch_up_tells_each_change_once_and_then_nothing() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let conversation = pair(alice, bob).conversation_id();
    let (mut alices, mut bobs) = (Device::fresh(&pool, alice).await, Device::fresh(&pool, bob).await);
    assert!(alices.catch_up(&pool, 200).await.is_nothing());
    pool.say(alice, bob, "hello").await;
    for (device, pool) in [(&mut alices, &pool), (&mut bobs, &pool)] {
        let news = device.catch_up(pool, 200).await;
        assert_eq!(news, News { conversations: vec![conversation], ..News::default() });
        assert!(device.catch_up(pool, 200).await.is_nothing());
    }
    assert_eq!((bobs.unread_total, bobs.conversations[&conversation].entry.unread_count), (1, 1));
    pool.conversations.mark_read(bob, conversation, Seq::new(1)).await.unwrap();
    assert_eq!(alices.catch_up(&pool, 200).await.conversations, [conversation]);
    assert_eq!(alices.conversations[&conversation].entry.peer_read_seq, Some(Seq::new(1)));
}

#[tokio::test]
async fn recalled_and_deleted_messages_are_listed_since_the_cursor() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    let mut messages = Vec::new();
    for text in ["1", "2", "3", "4"] {
        messages.push(pool.say(alice, bob, text).await);
    }
    let (mut alices, mut bobs) = (Device::fresh(&pool, alice).await, Device::fresh(&pool, bob).await);
    pool.messages.recall(messages[1], alice, WINDOW).await.unwrap();
    pool.messages.recall(messages[0], alice, WINDOW).await.unwrap();
    pool.messages.delete_for(bob, messages[3]).await.unwrap();
    pool.messages.delete_for(bob, messages[2]).await.unwrap();
    alices.catch_up(&pool, 200).await;
    bobs.catch_up(&pool, 200).await;
    let lists = |device: &Device| {
        let conversation = device.conversations[&id].clone();
        let numbers = |seqs: Vec<Seq>| seqs.into_iter().map(Seq::get).collect::<Vec<_>>();
        (numbers(conversation.recalled), numbers(conversation.deleted))
    };
    assert_eq!(lists(&alices), (vec![1, 2], vec![]));
    assert_eq!(lists(&bobs), (vec![1, 2], vec![3, 4]));
    pool.messages.recall(messages[2], alice, WINDOW).await.unwrap();
    bobs.catch_up(&pool, 200).await;
    assert_eq!(lists(&bobs), (vec![3], vec![]), "earlier ones are not repeated");
}

#[tokio::test]
async fn pages_repeat_the_first_cursor_and_miss_no_change_between_them() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let mut others = Vec::new();
    for number in 0..7 {
        let other = pool.person(&format!("other_{number}")).await;
        pool.befriend(alice, other).await;
        others.push(other);
    }
    let mut device = Device::new(alice);
    device.catch_up(&pool, 3).await;
    assert_eq!(device.conversations.len(), 7);
    assert_eq!(device.difference(&pool).await, None);
    for other in &others {
        pool.say(*other, alice, "one").await;
    }
    let from = SyncFrom::Place(SyncPlace::Point(device.cursor()));
    let first = page(&pool, alice, from, 3).await;
    assert_eq!((first.conversations.len(), first.unread_total), (3, 7));
    // A change to what the first page has.
    pool.say(first.conversations[0].entry.friend_id, alice, "two").await;
    let second = page(&pool, alice, SyncFrom::Place(SyncPlace::Page(first.next.unwrap())), 200).await;
    assert_eq!((second.conversations.len(), second.next, second.point), (4, None, first.point.clone()));
    device.pretend(first.point);
    assert_eq!(device.catch_up(&pool, 200).await.conversations, [first.conversations[0].entry.id]);
}

#[tokio::test]
async fn a_hidden_conversation_is_reported_and_not_counted() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    pool.say(bob, alice, "hello").await;
    let mut device = Device::fresh(&pool, alice).await;
    let id = pair(alice, bob).conversation_id();
    pool.conversations.clear(alice, id).await.unwrap();
    assert_eq!(device.catch_up(&pool, 200).await.conversations, [id]);
    let cleared = &device.conversations[&id];
    assert!(cleared.hidden && cleared.cleared_seq == Seq::new(1) && cleared.entry.last_message.is_none());
    assert_eq!(device.unread_total, 0);
    pool.say(bob, alice, "again").await;
    device.catch_up(&pool, 200).await;
    assert!(!device.conversations[&id].hidden);
    assert_eq!(device.unread_total, 1);
}

#[tokio::test]
async fn a_change_by_an_old_transaction_is_reported_after_it_commits() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    // The oldest transaction has its id, and commits last.
    let mut old = database.connect();
    let begin = "BEGIN; SELECT pg_current_xact_id()";
    diesel::connection::SimpleConnection::batch_execute(&mut old, begin).unwrap();
    let mut device = Device::fresh(&pool, alice).await;
    pool.say(bob, alice, "newer").await;
    assert_eq!(device.catch_up(&pool, 200).await.conversations, [id]);
    let pin = format!(
        "UPDATE conversation_members SET pinned = true, changed_in = pg_current_xact_id()::text::bigint
          WHERE conversation_id = '{id}' AND user_id = '{alice}'; COMMIT"
    );
    diesel::connection::SimpleConnection::batch_execute(&mut old, &pin).unwrap();
    assert_eq!(device.catch_up(&pool, 200).await.conversations, [id]);
    assert!(device.conversations[&id].entry.pinned);
    assert_eq!(device.difference(&pool).await, None);
}

#[tokio::test]
async fn a_block_is_news_to_the_one_who_blocks_only() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    pool.say(bob, alice, "hello").await;
    pool.say(alice, bob, "hello").await;
    let id = pair(alice, bob).conversation_id();
    let (mut alices, mut bobs) = (Device::fresh(&pool, alice).await, Device::fresh(&pool, bob).await);
    for on in [true, false] {
        let owner = directed(alice, bob);
        let done = if on { pool.blocks.block(owner).await } else { pool.blocks.unblock(owner).await };
        assert!(done.unwrap());
        assert!(alices.catch_up(&pool, 200).await.stale.contains(&StaleList::Blocks));
        assert!(bobs.catch_up(&pool, 200).await.is_nothing(), "on: {on}");
        if on {
            // Neither learns what the other reads.
            pool.conversations.mark_read(alice, id, Seq::new(2)).await.unwrap();
            assert!(bobs.catch_up(&pool, 200).await.is_nothing());
            pool.conversations.mark_read(bob, id, Seq::new(2)).await.unwrap();
            bobs.catch_up(&pool, 200).await;
            assert_eq!(alices.catch_up(&pool, 200).await.conversations, [id], "the own reading");
            assert!(alices.catch_up(&pool, 200).await.is_nothing());
        }
    }
    assert_eq!(bobs.difference(&pool).await, None);
}

#[tokio::test]
async fn a_new_name_reaches_friends_and_not_strangers() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let carol = pool.person("carol_01").await;
    pool.befriend(alice, bob).await;
    pool.pending(carol, alice).await;
    let (mut bobs, mut carols) = (Device::fresh(&pool, bob).await, Device::fresh(&pool, carol).await);
    pool.users.change_profile(alice, &renaming("Alice II")).await.unwrap();
    let news = bobs.catch_up(&pool, 200).await;
    assert_eq!(news.conversations, [pair(alice, bob).conversation_id()]);
    assert_eq!(news.stale, [StaleList::Friendships]);
    assert!(carols.catch_up(&pool, 200).await.is_nothing());
    assert_eq!(bobs.difference(&pool).await, None);
}

#[tokio::test]
async fn stamps_of_a_database_with_more_transactions_are_no_news() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let mut device = Device::fresh(&pool, alice).await;
    database.sql("UPDATE conversations SET changed_in = 1000000000000000");
    assert!(device.catch_up(&pool, 200).await.is_nothing());
    let future = ReadPoint { seen: 1_000_000_000_000_000, ..device.cursor() };
    device.pretend(future);
    assert!(device.catch_up(&pool, 200).await.reset, "no snapshot of this lineage saw that much");
}

#[tokio::test]
async fn a_message_is_the_only_part_that_is_new_after_a_restore() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    database.sql(
        "UPDATE conversations SET changed_in = 1000000000000000, related_in = 1000000000000000;
         UPDATE conversation_members SET changed_in = 1000000000000000, shown_in = 1000000000000000;
         UPDATE users SET shown_in = 1000000000000000, sharing_in = 1000000000000000;",
    );
    let point = Device::fresh(&pool, alice).await.cursor();
    let changes = PgChangeReader::new(Arc::clone(&pool.db));
    let id = pair(alice, bob).conversation_id();
    let parts = async || changes.parts(alice, &point, &[id]).await.unwrap();
    assert_eq!(parts().await, [ChangedParts::default()]);
    pool.say(bob, alice, "new").await;
    let message = ChangedParts { pair: true, first_message: Some(Seq::new(1)), ..ChangedParts::default() };
    assert_eq!(parts().await, [message]);
}

#[tokio::test]
async fn sharing_how_far_one_reads_changes_the_entries_of_both_sides() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let carol = pool.person("carol_01").await;
    pool.befriend(alice, bob).await;
    pool.say(bob, alice, "hello").await;
    let id = pair(alice, bob).conversation_id();
    pool.conversations.mark_read(alice, id, Seq::new(1)).await.unwrap();
    let (mut alices, mut bobs) = (Device::fresh(&pool, alice).await, Device::fresh(&pool, bob).await);
    let mut carols = Device::fresh(&pool, carol).await;
    for share in [false, true] {
        let change = ProfileChange { share_read: Some(share), ..ProfileChange::default() };
        pool.users.change_profile(alice, &change).await.unwrap();
        // Bob has read by then.
        for (device, seen) in [(&mut alices, 1), (&mut bobs, 1)] {
            assert_eq!(device.catch_up(&pool, 200).await.conversations, [id]);
            assert_eq!(device.conversations[&id].entry.peer_read_seq, share.then_some(Seq::new(seen)));
            assert_eq!(device.difference(&pool).await, None);
            let window =
                pool.conversations.window(bob, id, &WindowRequest::default()).await.unwrap().unwrap();
            assert_eq!(window.peer_read_seq, share.then_some(Seq::new(1)));
        }
        assert!(carols.catch_up(&pool, 200).await.is_nothing());
        if !share {
            // A reading that is not shown is no news either.
            pool.conversations.mark_read(bob, id, Seq::new(1)).await.unwrap();
            bobs.catch_up(&pool, 200).await;
            assert!(alices.catch_up(&pool, 200).await.is_nothing());
        }
    }
}
