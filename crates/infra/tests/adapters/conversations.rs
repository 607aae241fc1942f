use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::conversation::{ConversationPageRequest, ConversationRepository, WindowRequest};
use domain::message::{MessageContent, MessageRepository, Seq};

use crate::support::{Ground, pair};

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_clearing_at_once_keep_unread_exact() {
    let ground = Ground::new();
    let pools = [ground.pool(), ground.pool()];
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
    assert_eq!(unread, ground.number(&by_hand));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_a_text_or_its_recall_and_never_both() {
    let ground = Ground::new();
    let pool = ground.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    let id = pair(alice, bob).conversation_id();
    let mut messages = Vec::new();
    for _ in 0..40 {
        messages.push(pool.say(alice, bob, "secret").await);
    }
    let recalling = Arc::clone(&pool);
    let recaller = tokio::spawn(async move {
        for message in messages {
            recalling.messages.recall(message, alice, Duration::from_secs(60)).await.unwrap();
        }
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "not everything was recalled");
        let window = pool.conversations.window(bob, id, &WindowRequest::default()).await.unwrap().unwrap();
        let texts =
            window.messages.iter().filter_map(|message| message.content.as_ref()).map(MessageContent::as_str);
        let left = texts.inspect(|text| assert_eq!(*text, "secret")).count();
        let list = pool.conversations.list(bob, &ConversationPageRequest::default()).await.unwrap();
        assert!(list.items[0].unread_count <= i64::try_from(left).unwrap());
        if left == 0 {
            break;
        }
    }
    recaller.await.unwrap();
    assert_eq!(ground.number("SELECT count(*) FROM messages WHERE content IS NOT NULL"), 0);
}
