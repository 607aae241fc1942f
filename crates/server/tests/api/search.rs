//! Searching messages over HTTP.

use std::thread;

use serde_json::Value;

use crate::support::{Person, Reply, World, assert_answer};

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Person {
    fn search(&self, term: &str, more: &str) -> Reply {
        self.get(&format!("/api/auth/messages/search?q={}{more}", percent(term)))
    }

    fn finds(&self, term: &str) -> Vec<String> {
        texts(&self.search(term, "").ok())
    }
}

fn texts(reply: &Reply) -> Vec<String> {
    let messages = reply.data().as_array().unwrap().iter();
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn search_results_have_the_message_fields_and_conversation() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let message = alice.say(&bob, "今晚吃火锅 OK?");
    let found = bob.search("火锅 ok", "").ok();
    assert_answer!("search", found);
    let conversation = bob.conversation();
    let mut shown = bob.open(&conversation, "").ok().data()["messages"][0].clone();
    shown["conversation_id"] = Value::from(conversation);
    assert_eq!(found.data()[0], shown);
    assert_eq!(found.data()[0]["message_id"], Value::from(message));
}

#[test]
fn search_matches_substrings_of_any_script_literally() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for text in ["我的 iPhone", "100%_\\'\"", "👨‍👩‍👧‍👦", "ＡＢＣ", "ΟΔΟΣ", "GROẞ"]
    {
        alice.say(&bob, text);
    }
    for (term, text) in [
        ("的", "我的 iPhone"),
        ("的 IPH", "我的 iPhone"),
        ("%", "100%_\\'\""),
        ("_\\'\"", "100%_\\'\""),
        ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
        ("ａｂ", "ＡＢＣ"),
        ("οδος", "ΟΔΟΣ"),
        ("gross", "GROẞ"),
    ] {
        assert_eq!(bob.finds(term), [text], "{term}");
    }
    assert_eq!(bob.finds("abc"), ["ＡＢＣ"], "full width is the same word");
    assert_eq!(bob.finds("的 ｉｐ"), ["我的 iPhone"]);
    // Browsers encode spaces in forms as `+`.
    assert_eq!(texts(&bob.get("/api/auth/messages/search?q=%E7%9A%84+IPH").ok()), ["我的 iPhone"]);
}

#[test]
fn search_finds_only_messages_visible_to_the_caller() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let eve = world.person("eve_0001");
    let conversation = alice.conversation();
    let recalled = alice.say(&bob, "secret, recalled");
    let deleted = alice.say(&bob, "secret, deleted");
    alice.say(&bob, "secret, kept");
    alice.recall(&recalled).ok();
    bob.delete_message(&deleted).ok();
    assert_eq!(bob.finds("SECRET"), ["secret, kept"]);
    assert_eq!(alice.finds("SECRET"), ["secret, kept", "secret, deleted"]);
    assert_eq!(eve.finds("secret"), [""; 0]);
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok();
    assert_eq!((alice.finds("secret").len(), bob.finds("secret").len()), (0, 1));
    bob.delete(&format!("/api/auth/conversations/{conversation}")).ok();
    assert_eq!(bob.finds("secret"), [""; 0]);
}

#[test]
fn a_search_in_one_conversation_needs_membership() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (eve, conversation) = (world.person("eve_0001"), alice.conversation());
    alice.say(&bob, "with bob");
    eve.befriend(&alice);
    eve.say(&alice, "with eve");
    let in_it = alice.search("with", &format!("&conversation_id={conversation}")).ok();
    assert_eq!(texts(&in_it), ["with bob"]);
    assert_eq!(alice.finds("with"), ["with eve", "with bob"]);
    let strangers = eve.search("with", &format!("&conversation_id={conversation}"));
    let strangers = strangers.refused(400, "unknown_conversation");
    let nobodys = eve.search("with", "&conversation_id=01890a5d-ac96-774b-bcce-b302099a8057");
    assert_eq!(nobodys.refused(400, "unknown_conversation").text, strangers.text);
    eve.search("with", "&conversation_id=x").blames("invalid_field", "conversation_id");
}

#[test]
fn an_invalid_search_parameter_is_named() {
    let world = World::new();
    let alice = world.person("alice_01");
    alice.get("/api/auth/messages/search").blames("missing_field", "q");
    alice.get("/api/auth/messages/search?q=a&q=b").blames("invalid_field", "q");
    for term in ["", "a\0", &"字".repeat(201)] {
        alice.search(term, "").blames("invalid_field", "q");
    }
    alice.search(&"字".repeat(200), "").ok();
    for limit in ["0", "1001", "x"] {
        alice.search("a", &format!("&limit={limit}")).blames("invalid_field", "limit");
    }
    for cursor in ["x", "0.1.01890a5dac96774bbcceb302099a8057", "-1.1.01890a5dac96774bbcceb302099a8057"] {
        alice.search("a", &format!("&cursor={cursor}")).blames("invalid_field", "cursor");
    }
}

#[test]
fn search_pages_stay_consistent_while_others_write() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for number in 0..10 {
        alice.say(&bob, &format!("word {number}"));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = bob.search("word", &format!("&limit=3{cursor}")).ok();
        seen.extend(texts(&page));
        alice.say(&bob, "a later word");
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, (0..10).rev().map(|number| format!("word {number}")).collect::<Vec<_>>());
}

#[test]
fn excess_searches_get_a_503_and_delay_no_other_request() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "word");
    let conversation = bob.conversation();
    // An account has one search running and one waiting.
    let people: Vec<Person> = (0..32).map(|number| world.person(&format!("person_{number:02}"))).collect();
    for person in &people {
        person.befriend(&alice);
    }
    world.hold_lock("LOCK TABLE search_blocks IN ACCESS EXCLUSIVE MODE", || {
        let searches: Vec<_> = (people.iter().chain(&people).cloned())
            .map(|person| thread::spawn(move || person.search("word", "")))
            .collect();
        for _ in 0..20 {
            assert_eq!(bob.texts(&conversation), ["word"]);
        }
        for search in searches {
            let reply = search.join().unwrap().refused(503, "unavailable");
            assert!(reply.header("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
        }
    });
    assert_eq!(bob.finds("word"), ["word"]);
}
