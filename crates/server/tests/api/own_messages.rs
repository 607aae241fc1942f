//! How a client recognises its own messages: by the idempotency key, which only the sender sees.

use serde_json::{Value, json};

use crate::support::{Person, Reply, World};

const KEY: &str = "键-1";

/// Two friends: the first has sent a message with a key and one without, the second has answered with a key of its own.
fn friends_with_keys(world: &World) -> (Person, Person) {
    let (alice, bob) = world.friends();
    send(&alice, &bob, "火锅 with a key", &json!(KEY));
    send(&alice, &bob, "火锅 without", &Value::Null);
    send(&bob, &alice, "火锅 of the other", &json!("secret"));
    (alice, bob)
}

fn send(from: &Person, to: &Person, content: &str, key: &Value) -> Reply {
    let body = json!({"receiver_id": to.id, "content": content, "client_message_id": key});
    from.post("/api/auth/messages", &body).ok()
}

/// Who sees which keys: its own in the order of the messages, and never another's.
fn assert_own_keys(messages: &Value, alice: &Person, is_alice: bool) {
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 3, "{messages:?}");
    for message in messages {
        let by_alice = message["sender_id"] == json!(alice.id);
        let expected = match message["content"].as_str().unwrap() {
            "火锅 with a key" if is_alice => json!(KEY),
            "火锅 of the other" if !is_alice => json!("secret"),
            _ => Value::Null,
        };
        let shown = message.get("client_message_id");
        assert_eq!(shown, Some(&expected), "by alice: {by_alice}, {message}");
    }
}

#[test]
fn a_history_shows_keys_of_own_messages_only() {
    let world = World::new();
    let (alice, bob) = friends_with_keys(&world);
    let conversation = alice.conversation();
    for query in ["", "?before=99", "?after=0"] {
        for (who, is_alice) in [(&alice, true), (&bob, false)] {
            assert_own_keys(&who.open(&conversation, query).ok().data()["messages"], &alice, is_alice);
        }
    }
}

#[test]
fn a_page_among_deleted_messages_shows_keys_of_own_messages_only() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let first = alice.say(&bob, "gone");
    let conversation = alice.conversation();
    for who in [&alice, &bob] {
        who.delete_message(&first).ok();
    }
    send(&alice, &bob, "火锅 with a key", &json!(KEY));
    let last = send(&alice, &bob, "gone too", &Value::Null);
    for who in [&alice, &bob] {
        who.delete_message(last.data().as_str().unwrap()).ok();
    }
    for query in ["", "?before=99", "?after=0"] {
        let message = |who: &Person| who.open(&conversation, query).ok().data()["messages"][0].clone();
        assert_eq!(message(&alice)["client_message_id"], json!(KEY), "{query}");
        assert_eq!(message(&bob).get("client_message_id"), Some(&Value::Null), "{query}");
    }
}

#[test]
fn the_list_of_conversations_shows_the_key_of_an_own_message_only() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for (content, key) in [("with", json!(KEY)), ("without", Value::Null)] {
        send(&alice, &bob, content, &key);
        let preview = |who: &Person| who.conversations()[0]["last_message"].clone();
        assert_eq!(preview(&alice).get("client_message_id"), Some(&key));
        assert_eq!(preview(&bob).get("client_message_id"), Some(&Value::Null));
    }
}

#[test]
fn a_search_shows_keys_of_own_messages_only() {
    let world = World::new();
    let (alice, bob) = friends_with_keys(&world);
    for (who, is_alice) in [(&alice, true), (&bob, false)] {
        let found = who.get("/api/auth/messages/search?q=%E7%81%AB%E9%94%85").ok();
        assert_own_keys(found.data(), &alice, is_alice);
    }
}

#[test]
fn an_export_shows_keys_of_own_messages_only() {
    let world = World::new();
    let (alice, bob) = friends_with_keys(&world);
    for (who, is_alice) in [(&alice, true), (&bob, false)] {
        let export = who.get("/api/auth/me/export").ok();
        assert_own_keys(&export.data()["conversations"][0]["messages"], &alice, is_alice);
    }
}

#[test]
fn a_recalled_message_keeps_its_key_for_its_sender() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let sent = send(&alice, &bob, "gone", &json!(KEY));
    alice.recall(sent.data().as_str().unwrap()).ok();
    let conversation = alice.conversation();
    let message = |who: &Person| who.open(&conversation, "").ok().data()["messages"][0].clone();
    assert_eq!(
        (&message(&alice)["recalled"], &message(&alice)["client_message_id"]),
        (&json!(true), &json!(KEY))
    );
    assert_eq!(message(&bob)["client_message_id"], Value::Null);
}

#[test]
fn sending_tells_where_and_when_the_message_was_stored() {
    let world = World::new();
    let (alice, bob) = world.friends();
    send(&bob, &alice, "before", &Value::Null);
    let first = send(&alice, &bob, "hi", &json!(KEY));
    let sent = &first.json["sent"];
    let conversation = alice.conversation();
    let stored = bob.open(&conversation, "?limit=1").ok().data()["messages"][0].clone();
    assert_eq!((&sent["message_id"], &stored["message_id"]), (first.data(), first.data()));
    assert_eq!((&sent["conversation_id"], &sent["seq"]), (&json!(conversation), &json!(2)));
    assert_eq!(sent["created_at"], stored["created_at"]);
    // A repetition is answered alike, also after the message was recalled and the friendship ended.
    send(&alice, &bob, "after", &Value::Null);
    assert_eq!(send(&alice, &bob, "hi", &json!(KEY)).json, first.json);
    alice.recall(first.data().as_str().unwrap()).ok();
    bob.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    assert_eq!(send(&alice, &bob, "hi", &json!(KEY)).json, first.json);
}
