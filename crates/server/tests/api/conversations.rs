//! The conversation list, message history, read positions and preferences.

use serde_json::{Value, json};

use crate::support::{Person, World, assert_answer};

fn seqs(person: &Person, conversation: &str, query: &str) -> (Vec<i64>, bool) {
    let window = person.open(conversation, query).ok();
    let messages = window.data()["messages"].as_array().unwrap();
    let seqs = messages.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    (seqs, window.data()["has_more"].as_bool().unwrap())
}

fn read(person: &Person, conversation: &str, seq: i64) -> Value {
    let path = format!("/api/auth/conversations/{conversation}/read");
    person.with("PUT", &path, &json!({"seq": seq})).ok().data().clone()
}

#[test]
fn a_conversation_shows_its_messages() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "你好 👋🏽");
    bob.say(&alice, "  שלום e\u{301}\n");
    let conversation = alice.conversation();
    assert_answer!("conversations", alice.get("/api/auth/conversations").ok());
    assert_answer!("conversation", bob.open(&conversation, "").ok());
    assert_eq!(alice.texts(&conversation), ["你好 👋🏽", "  שלום e\u{301}\n"]);
}

#[test]
fn the_history_is_read_in_both_directions() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for number in 1..=60 {
        alice.say(&bob, &number.to_string());
    }
    let conversation = alice.conversation();
    let all = |range: std::ops::RangeInclusive<i64>| range.collect::<Vec<_>>();
    assert_eq!(seqs(&bob, &conversation, ""), (all(11..=60), true));
    assert_eq!(seqs(&bob, &conversation, "?limit=200"), (all(1..=60), false));
    assert_eq!(seqs(&bob, &conversation, "?before=11"), (all(1..=10), false));
    assert_eq!(seqs(&bob, &conversation, "?before=11&limit=3"), (all(8..=10), true));
    assert_eq!(seqs(&bob, &conversation, "?after=55"), (all(56..=60), false));
    assert_eq!(seqs(&bob, &conversation, "?after=0&limit=2"), (all(1..=2), true));
    assert_eq!(seqs(&bob, &conversation, "?after=60"), (vec![], false));
    assert_eq!(seqs(&bob, &conversation, "?before=0"), (vec![], false));
    for (query, field) in [
        ("?before=1&after=1", "before"),
        ("?before=-1", "before"),
        ("?after=x", "after"),
        ("?after=-1", "after"),
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?limit=1&limit=2", "limit"),
        ("?before=9223372036854775808", "before"),
    ] {
        bob.open(&conversation, query).blames("invalid_field", field);
    }
}

#[test]
fn unread_counts_the_peers_messages_after_the_read_position() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let conversation = alice.conversation();
    alice.say(&bob, "1");
    bob.say(&alice, "2");
    let third = alice.say(&bob, "3");
    alice.say(&bob, "4");
    assert_eq!((alice.unread(), bob.unread()), (1, 3));
    bob.open(&conversation, "").ok();
    assert_eq!(bob.unread(), 3, "opening a conversation does not mark it as read");
    bob.recall(&third).refused(400, "unknown_message");
    alice.recall(&third).ok();
    assert_eq!(bob.unread(), 2, "a recalled message is not unread");
    assert_eq!(read(&bob, &conversation, 1), json!({"read_seq": 1, "unread_count": 1}));
    assert_eq!(read(&bob, &conversation, 0), json!({"read_seq": 1, "unread_count": 1}));
    assert_eq!(read(&bob, &conversation, 99), json!({"read_seq": 4, "unread_count": 0}));
    assert_eq!(read(&bob, &conversation, 2), json!({"read_seq": 4, "unread_count": 0}));
    let window = alice.open(&conversation, "").ok();
    assert_eq!(window.data()["peer_read_seq"], 4);
    let fifth = alice.say(&bob, "5");
    bob.delete_message(&fifth).ok();
    assert_eq!(bob.unread(), 0, "a message deleted by the reader is not unread");
    alice.recall(&fifth).ok();
    assert_eq!(bob.unread(), 0, "a recalled and deleted message is subtracted once");
}

#[test]
fn the_read_position_is_set_and_returned() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "1");
    let path = format!("/api/auth/conversations/{}/read", bob.conversation());
    assert_answer!("read", bob.with("PUT", &path, &json!({"seq": 1})).ok());
    bob.with("PUT", &path, &json!({"seq": 9_007_199_254_740_991_i64})).ok();
    for seq in [-1, 9_007_199_254_740_992_i64] {
        bob.with("PUT", &path, &json!({"seq": seq})).blames("invalid_field", "seq");
        bob.open(&bob.conversation(), &format!("?after={seq}")).blames("invalid_field", "after");
    }
    bob.with("PUT", &path, &json!({"seq": "1"})).blames("invalid_field", "seq");
    bob.with("PUT", &path, &json!({})).blames("missing_field", "seq");
}

#[test]
fn clearing_hides_a_conversation_until_the_next_message() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "old");
    let conversation = bob.conversation();
    assert_answer!("clear", bob.delete(&format!("/api/auth/conversations/{conversation}")).ok());
    assert_eq!(bob.conversations(), json!([]));
    assert_eq!(bob.texts(&conversation), Vec::<String>::new());
    assert_eq!(alice.texts(&conversation), ["old"]);
    alice.say(&bob, "new");
    let list = bob.conversations();
    assert_eq!((&list[0]["unread_count"], &list[0]["last_message"]["content"]), (&json!(1), &json!("new")));
    assert_eq!(bob.texts(&conversation), ["new"]);
}

#[test]
fn pinned_conversations_come_first_and_muting_is_kept() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let carol = world.person("carol_01");
    carol.befriend(&alice);
    bob.say(&alice, "1");
    carol.say(&alice, "2");
    let first = |list: &Value| list[0]["friend_name"].as_str().unwrap().to_owned();
    let list = alice.conversations();
    assert_eq!(first(&list), "carol_01");
    let path = format!("/api/auth/conversations/{}", list[1]["conversation_id"].as_str().unwrap());
    assert_answer!("preferences", alice.with("PATCH", &path, &json!({"pinned": true})).ok());
    alice.with("PATCH", &path, &json!({"muted": true})).ok();
    alice.with("PATCH", &path, &json!({})).ok();
    let list = alice.conversations();
    assert_eq!(first(&list), "bob_0001");
    assert_eq!((&list[0]["pinned"], &list[0]["muted"]), (&json!(true), &json!(true)));
    alice.with("PATCH", &path, &json!({"pinned": false})).ok();
    assert_eq!(first(&alice.conversations()), "carol_01");
    alice.with("PATCH", &path, &json!({"pinned": 1})).blames("invalid_field", "pinned");
}

#[test]
fn recalling_and_deleting_never_reorder_the_list() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let carol = world.person("carol_01");
    carol.befriend(&alice);
    bob.say(&alice, "1");
    let newest = carol.say(&alice, "2");
    let before = alice.conversations();
    carol.recall(&newest).ok();
    let list = alice.conversations();
    assert_eq!(list[0]["conversation_id"], before[0]["conversation_id"]);
    assert_eq!(list[0]["updated_at"], before[0]["updated_at"]);
    assert_eq!(list[0]["last_message"]["recalled"], json!(true));
    assert_eq!(list[0]["last_message"]["content"], Value::Null);
    alice.delete_message(&newest).ok();
    let list = alice.conversations();
    assert_eq!((&list[0]["last_message"], &list[0]["updated_at"]), (&Value::Null, &before[0]["updated_at"]));
}

#[test]
fn another_users_conversation_is_answered_like_an_unknown_one() {
    let world = World::new();
    let (alice, _bob) = world.friends();
    let eve = world.person("eve_0001");
    let (own, missing) = (alice.conversation(), "01890a5d-ac96-774b-bcce-b302099a8057");
    for (method, suffix, body) in [
        ("GET", "", json!({})),
        ("PATCH", "", json!({"pinned": true})),
        ("DELETE", "", json!({})),
        ("PUT", "/read", json!({"seq": 1})),
    ] {
        let call = |id: &str| eve.with(method, &format!("/api/auth/conversations/{id}{suffix}"), &body);
        let foreign = call(&own).refused(400, "unknown_conversation");
        assert_eq!(foreign.text, call(missing).refused(400, "unknown_conversation").text);
        call("x").blames("invalid_field", "conversation_id");
    }
    let empty = json!({});
    eve.with("PATCH", &format!("/api/auth/conversations/{own}"), &empty).refused(400, "unknown_conversation");
}
