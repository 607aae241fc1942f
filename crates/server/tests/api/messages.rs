//! Sending with idempotency keys, recalling, deleting.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Person, Reply, World, assert_answer};

fn send_with_key(from: &Person, to: &Person, content: &str, key: &Value) -> Reply {
    let body = json!({"receiver_id": to.id, "content": content, "client_message_id": key});
    from.post("/api/auth/messages", &body)
}

#[test]
fn sending_returns_the_message_id() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let reply = alice.send(&bob, "你好");
    assert_answer!("send", reply.clone().ok());
    let window = bob.open(&bob.conversation(), "").ok();
    assert_eq!(&window.data()["messages"][0]["message_id"], reply.data());
}

#[test]
fn only_friends_can_send_to_each_other() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let not_a_friend = alice.send(&bob, "hi").refused(409, "not_friends");
    let body = json!({"receiver_id": "01890a5d-ac96-774b-bcce-b302099a8057", "content": "hi"});
    assert_eq!(alice.post("/api/auth/messages", &body).refused(409, "not_friends").text, not_a_friend.text);
    assert!(not_a_friend.json["message"].as_str().unwrap().contains("朋友验证"));
    alice.send(&alice, "hi").refused(400, "cannot_message_oneself");
    assert_eq!(world.count("messages"), 0);
}

#[test]
fn a_repeated_send_with_the_same_key_is_stored_once() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let key = json!("key 键 1");
    let first = send_with_key(&alice, &bob, "hi", &key).ok();
    assert_eq!(send_with_key(&alice, &bob, "hi", &key).ok().data(), first.data());
    send_with_key(&alice, &bob, "other", &key).refused(409, "idempotency_conflict");
    // Each sender has its own keys.
    assert_ne!(send_with_key(&bob, &alice, "hi", &key).ok().data(), first.data());
    let none =
        [send_with_key(&alice, &bob, "hi", &Value::Null), send_with_key(&alice, &bob, "hi", &Value::Null)];
    assert_ne!(none[0].clone().ok().data(), none[1].clone().ok().data());
    alice.recall(first.data().as_str().unwrap()).ok();
    assert_eq!(send_with_key(&alice, &bob, "any text", &key).ok().data(), first.data());
    bob.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    assert_eq!(send_with_key(&alice, &bob, "hi", &key).ok().data(), first.data());
    assert_eq!(world.count("messages"), 4);
}

#[test]
fn a_refused_send_does_not_consume_its_key() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    send_with_key(&alice, &bob, "hi", &json!("k")).refused(409, "not_friends");
    alice.befriend(&bob);
    send_with_key(&alice, &bob, "another text", &json!("k")).ok();
}

#[test]
fn concurrent_sends_with_one_key_on_two_instances_store_once() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    let twins: Vec<_> = (0..50)
        .map(|number| {
            let alice = alice.at(if number % 2 == 0 { world.address() } else { other.address });
            let bob = bob.clone();
            thread::spawn(move || send_with_key(&alice, &bob, "once", &json!("twin")).ok().data().to_string())
        })
        .collect();
    let ids: HashSet<String> = twins.into_iter().map(|twin| twin.join().unwrap()).collect();
    assert_eq!((ids.len(), world.count("messages")), (1, 1));
}

#[test]
fn content_is_length_limited_and_returned_unchanged() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for content in ["", " \n\t\u{3000}", "a\u{0}b", &"字".repeat(5001)] {
        alice.send(&bob, content).blames("invalid_field", "content");
    }
    let longest = "字".repeat(5000);
    for content in [
        longest.as_str(),
        "👨‍👩‍👧‍👦",
        "e\u{301} é",
        "\u{202e}rtl",
        "<b>&amp;",
        "'; DROP TABLE users; --",
        "\\u0000",
    ] {
        alice.say(&bob, content);
        let window = bob.open(&bob.conversation(), "?limit=1").ok();
        assert_eq!(window.data()["messages"][0]["content"], content);
    }
    for key in ["", &"k".repeat(65), "a\u{0}"] {
        send_with_key(&alice, &bob, "hi", &json!(key)).blames("invalid_field", "client_message_id");
    }
    send_with_key(&alice, &bob, "hi", &json!("键".repeat(64))).ok();
}

#[test]
fn recalling_removes_the_text_for_both_members() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let message = alice.say(&bob, "a secret");
    bob.recall(&message).refused(400, "unknown_message");
    assert_answer!("recall", alice.recall(&message).ok());
    alice.recall(&message).ok();
    let conversation = bob.conversation();
    assert_answer!("conversation_with_a_recalled_message", bob.open(&conversation, "").ok());
    assert_eq!(world.count("messages WHERE content IS NOT NULL"), 0);
}

#[test]
fn the_recall_window_is_two_minutes_by_database_time() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let message = alice.say(&bob, "late");
    world.sql("UPDATE messages SET created_at = created_at - interval '110 seconds'");
    let second = alice.say(&bob, "in time");
    world.sql("UPDATE messages SET created_at = created_at - interval '11 seconds'");
    alice.recall(&message).refused(409, "recall_window_over");
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok();
    alice.recall(&second).ok();
    world.sql("UPDATE messages SET created_at = created_at - interval '1 day'");
    alice.recall(&second).ok();
}

#[test]
fn deleting_a_message_affects_only_the_caller() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let message = alice.say(&bob, "1");
    alice.say(&bob, "2");
    let conversation = alice.conversation();
    assert_answer!("delete_message", bob.delete_message(&message).ok());
    bob.delete_message(&message).ok();
    assert_eq!(
        (bob.texts(&conversation), alice.texts(&conversation)),
        (vec!["2".into()], vec!["1".into(), "2".into()])
    );
    let own = bob.say(&alice, "3");
    bob.delete_message(&own).ok();
    assert_eq!(alice.texts(&conversation), ["1", "2", "3"]);
}

#[test]
fn a_message_id_is_accepted_in_body_or_query_on_both_paths() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for path in ["message", "messages"] {
        for action in ["recall", "delete"] {
            let path = format!("/api/auth/{path}/{action}");
            let (by_query, by_body) = (alice.say(&bob, "q"), alice.say(&bob, "b"));
            alice.delete(&format!("{path}?message_id={by_query}")).ok();
            alice
                .with("DELETE", &format!("{path}?message_id={by_query}-x"), &json!({"message_id": by_body}))
                .ok();
            alice.delete(&path).blames("missing_field", "message_id");
            alice.delete(&format!("{path}?message_id=x")).blames("invalid_field", "message_id");
            alice.with("DELETE", &path, &json!({})).blames("missing_field", "message_id");
            alice.with("DELETE", &path, &json!({"message_id": 1})).blames("invalid_field", "message_id");
            let zero = format!("{}0", by_body.trim_end_matches(|c: char| c.is_ascii_digit()));
            alice.delete(&format!("{path}?message_id={zero}")).blames("invalid_field", "message_id");
            let beyond = format!("{}99", by_body.trim_end_matches(|c: char| c.is_ascii_digit()));
            alice.delete(&format!("{path}?message_id={beyond}")).refused(400, "unknown_message");
            let eve = Person::register(
                world.address(),
                &format!("eve_{}_{action}", path.split('/').nth(3).unwrap()),
            );
            eve.delete(&format!("{path}?message_id={by_body}")).refused(400, "unknown_message");
        }
        let old = alice.say(&bob, "old");
        world
            .sql("UPDATE messages SET created_at = created_at - interval '1 hour' WHERE recalled_at IS NULL");
        alice.delete(&format!("/api/auth/{path}/recall?message_id={old}")).refused(409, "recall_window_over");
    }
}

#[test]
fn polling_with_after_misses_no_concurrent_message() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let conversation = alice.conversation();
    let senders: Vec<_> = (0..8)
        .map(|number| {
            let (from, to) =
                if number % 2 == 0 { (alice.clone(), bob.clone()) } else { (bob.clone(), alice.clone()) };
            thread::spawn(move || (0..25).for_each(|n| drop(from.say(&to, &format!("{number}/{n}")))))
        })
        .collect();
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while seen.len() < 200 {
        assert!(Instant::now() < deadline, "only {} messages arrived", seen.len());
        let after = seen.len();
        let window = bob.open(&conversation, &format!("?after={after}&limit=7")).ok();
        for message in window.data()["messages"].as_array().unwrap() {
            seen.push(message["seq"].as_i64().unwrap());
        }
    }
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
    for sender in senders {
        sender.join().unwrap();
    }
}
