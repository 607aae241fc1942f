use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::conversation::{ConversationPageRequest, ConversationRepository, WindowAnchor, WindowRequest};
use domain::friendship::{FriendshipRepository, Remark};
use domain::id::{ConversationId, UserId};
use domain::message::{MessageContent, MessageRepository, Seq};

use crate::support::{Database, Pool, directed, pair};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reading_and_clearing_keep_unread_exact() {
    let database = Database::new();
    let pools = [database.pool(), database.pool()];
    let (alice, bob) = (pools[0].person("alice_01").await, pools[0].person("bob_0001").await);
    pools[0].befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    let mut tasks = Vec::new();
    for number in 0..120 {
        let pool = Arc::clone(&pools[number % 2]);
        tasks.push(tokio::spawn(async move {
            match number % 6 {
                0 => drop(pool.conversations.clear(bob, id).await.unwrap()),
                1 => drop(pool.conversations.mark_read(bob, id, Seq::new(i64::MAX)).await.unwrap()),
                2 => drop(pool.say(bob, alice, "mine").await),
                _ => drop(pool.say(alice, bob, "yours").await),
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let by_hand = format!(
        "SELECT count(*) FROM messages x JOIN conversation_members m USING (conversation_id)
         WHERE m.user_id = '{bob}' AND x.sender_id = '{alice}' AND x.seq > greatest(m.read_seq, m.cleared_seq)"
    );
    let list = pools[0].conversations.list(bob, &ConversationPageRequest::default()).await.unwrap();
    let unread = list.items.first().map_or(0, |conversation| conversation.unread_count);
    assert_eq!(unread, database.number(&by_hand));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_either_the_text_or_the_recall() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    let mut messages = Vec::new();
    for _ in 0..40 {
        messages.push(pool.say(alice, bob, "secret").await);
    }
    // The reader deletes some messages, before and after they are recalled.
    let (deleting, half) = (database.pool(), messages.clone().into_iter().rev().step_by(2));
    let deleter = tokio::spawn(async move {
        for message in half {
            deleting.messages.delete_for(bob, message).await.unwrap();
        }
    });
    let recalling = Arc::clone(&pool);
    let recaller = tokio::spawn(async move {
        for message in messages {
            recalling.messages.recall(message, alice, Duration::from_secs(60)).await.unwrap();
        }
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "some messages were not recalled");
        let window = pool.conversations.window(bob, id, &WindowRequest::default()).await.unwrap().unwrap();
        let texts =
            window.messages.iter().filter_map(|message| message.state.text()).map(MessageContent::as_str);
        let left = texts.inspect(|text| assert_eq!(*text, "secret")).count();
        let list = pool.conversations.list(bob, &ConversationPageRequest::default()).await.unwrap();
        assert!(list.items[0].unread_count <= i64::try_from(left).unwrap());
        if left == 0 {
            break;
        }
    }
    recaller.await.unwrap();
    deleter.await.unwrap();
    assert_eq!(database.number("SELECT count(*) FROM messages WHERE content IS NOT NULL"), 0);
    let window = pool.conversations.window(bob, id, &WindowRequest::default()).await.unwrap().unwrap();
    assert_eq!(window.messages.len(), 20, "deleted messages do not reappear");
}

fn glances() -> Vec<WindowRequest> {
    let request = |anchor, limit| WindowRequest::parse(anchor, Some(limit)).unwrap();
    vec![
        WindowRequest::default(),
        request(WindowAnchor::Newest, 1),
        request(WindowAnchor::Before(Seq::new(3)), 2),
        request(WindowAnchor::After(Seq::NONE), 2),
        request(WindowAnchor::After(Seq::new(2)), 50),
    ]
}

/// Friends of one user, each with a history, and one unrelated user.
async fn company(pool: &Pool) -> (Vec<UserId>, Vec<ConversationId>) {
    let hub = pool.person("hub_0001").await;
    let (mut people, mut conversations) = (vec![hub, pool.person("unrelated").await], Vec::new());
    for number in 0..4 {
        let friend = pool.person(&format!("friend_{number}")).await;
        pool.befriend(hub, friend).await;
        for text in 0..=number {
            pool.say(hub, friend, &format!("{number}/{text}")).await;
        }
        let last = pool.say(friend, hub, "answered").await;
        if number == 1 {
            pool.messages.delete_for(hub, last).await.unwrap();
        }
        people.push(friend);
        conversations.push(pair(hub, friend).conversation_id());
    }
    (people, conversations)
}

#[tokio::test(flavor = "multi_thread")]
async fn coalesced_reads_each_get_their_own_result() {
    let database = Database::new();
    let pool = database.pool();
    let (people, conversations) = company(&pool).await;
    let blocker = database.block_writing_threads(&pool, people[0], conversations[0]).await;
    let (mut windows, mut lists) = (Vec::new(), Vec::new());
    for person in people {
        for conversation in conversations.clone() {
            for request in glances() {
                let asking = Arc::clone(&pool);
                let asked =
                    tokio::spawn(
                        async move { asking.conversations.window(person, conversation, &request).await },
                    );
                windows.push((person, conversation, request, asked));
            }
        }
        let asking = Arc::clone(&pool);
        let page = ConversationPageRequest::parse(Some(2), None).unwrap();
        lists.push((person, tokio::spawn(async move { asking.conversations.list(person, &page).await })));
    }
    drop(blocker);
    let alone = database.pool();
    let mut found = 0;
    for (person, conversation, request, asked) in windows {
        let together = asked.await.unwrap().unwrap();
        found += usize::from(together.is_some());
        assert_eq!(together, alone.conversations.window(person, conversation, &request).await.unwrap());
    }
    // The hub sees all four, each friend one, the unrelated user none.
    assert_eq!(found, (4 + 4) * glances().len());
    for (person, asked) in lists {
        let page = ConversationPageRequest::parse(Some(2), None).unwrap();
        assert_eq!(asked.await.unwrap().unwrap(), alone.conversations.list(person, &page).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remark_is_deleted_with_the_friendship() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    pool.say(bob, alice, "hello").await;
    let id = pair(alice, bob).conversation_id();
    let bobby = Remark::parse("Bobby").unwrap();
    assert!(pool.friendships.set_remark(directed(alice, bob), &bobby).await.unwrap());
    let called = async || {
        let window = pool.conversations.window(alice, id, &WindowRequest::default()).await.unwrap().unwrap();
        window.remark.as_str().to_owned()
    };
    assert_eq!(called().await, "Bobby");
    let list = pool.conversations.list(alice, &ConversationPageRequest::default()).await.unwrap();
    assert_eq!(list.items[0].remark.as_str(), "Bobby");
    pool.friendships.remove(directed(bob, alice)).await.unwrap();
    assert_eq!(called().await, "");
}
