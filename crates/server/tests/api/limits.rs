//! Limits and quotas: number of friends, pending requests, messages and requests per time.

use std::collections::HashSet;

use serde_json::json;
use server::config::Options;

use crate::support::{Person, Reply, World};

/// Gives a user this many friends that have no other friends.
fn give_friends(world: &World, owner: &Person, count: u32) {
    let id = &owner.id;
    world.sql(&format!(
        "WITH others AS (
             INSERT INTO users (id, uid, name, password_hash)
             SELECT gen_random_uuid(), 'f' || left(md5('{id}'), 8) || number, 'n', 'x'
               FROM generate_series(1, {count}) number
             RETURNING id)
         INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
         SELECT '{id}'::uuid, id, gen_random_uuid(), now() FROM others"
    ));
}

fn id_of(reply: &Reply) -> String {
    reply.data()["request_id"].as_str().unwrap().to_owned()
}

/// The `Retry-After` seconds.
fn wait(reply: &Reply) -> u64 {
    reply.header("Retry-After").unwrap().parse().unwrap()
}

#[test]
fn an_account_has_at_most_ten_thousand_friends() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let (carol, dave) = (world.person("carol_01"), world.person("dave_001"));
    give_friends(&world, &alice, 9_999);
    let from_alice = id_of(&alice.ask(&bob).ok());
    let from_carol = id_of(&carol.ask(&alice).ok());
    let from_dave = id_of(&dave.ask(&alice).ok());
    carol.ask(&bob).ok();
    bob.answer(&from_alice, "accepted").ok();
    alice.answer(&from_carol, "accepted").refused(409, "friend_limit_reached");
    alice.ask(&dave).refused(409, "friend_limit_reached");
    let another = world.person("another_1");
    let to_another = id_of(&alice.ask(&another).ok());
    another.answer(&to_another, "accepted").refused(409, "friend_limit_of_other_reached");
    another.ask(&alice).refused(409, "friend_limit_of_other_reached");
    alice.answer(&from_dave, "rejected").ok();
    let friends = every_row(&alice, "/api/auth/friendships", "friend_id");
    assert_eq!(friends.len(), 10_000, "a friend is lost or repeated");
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok();
    alice.answer(&from_carol, "accepted").ok();
}

/// The ids of all rows of a list, page by page; each page must be about 1 MB at most.
fn every_row(person: &Person, path: &str, id: &str) -> HashSet<String> {
    let (mut ids, mut count, mut cursor) = (HashSet::new(), 0, String::new());
    loop {
        let page = person.get(&format!("{path}{cursor}")).ok();
        assert!(page.text.len() < 1_100_000, "{path} has {} bytes", page.text.len());
        let rows = page.data().as_array().unwrap();
        assert!(!rows.is_empty(), "{path} has an empty page");
        count += rows.len();
        ids.extend(rows.iter().map(|row| row[id].as_str().unwrap().to_owned()));
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        let separator = if path.contains('?') { '&' } else { '?' };
        cursor = format!("{separator}cursor={next}");
    }
    assert_eq!(ids.len(), count, "{path} repeats a row");
    ids
}

fn write_much(world: &World, id: &str, conversation: &str) {
    // 1,000 friends whose newest messages are long, all of control characters; and 300 long messages of one of them.
    world.sql(&format!(
        "CREATE TEMP TABLE others AS SELECT gen_random_uuid() AS id, number FROM generate_series(1, 998) number;
         INSERT INTO users (id, uid, name, password_hash)
         SELECT id, 'friend_' || number, repeat('雁', 64), 'x' FROM others;
         INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
         SELECT '{id}'::uuid, id, gen_random_uuid(), now() FROM others;
         CREATE TEMP TABLE pairs AS SELECT gen_random_uuid() AS id, id AS peer FROM others;
         INSERT INTO conversations (id, user_lo, user_hi, friends, befriended_at, last_seq, lo_sent, hi_sent, last_at)
         SELECT id, least('{id}'::uuid, peer), greatest('{id}'::uuid, peer), true, now(), 1,
                ('{id}'::uuid < peer)::int, ('{id}'::uuid > peer)::int, now() FROM pairs;
         INSERT INTO conversation_members (conversation_id, user_id, peer_id)
         SELECT id, '{id}'::uuid, peer FROM pairs UNION ALL SELECT id, peer, '{id}'::uuid FROM pairs;
         INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT id, 1, '{id}'::uuid, 1, 'needle' || repeat(E'\\x01', 2000), now() FROM pairs;
         INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{conversation}', n, '{id}'::uuid, n, 'needle' || repeat('雁', 4000), now() FROM generate_series(1, 300) n;
         UPDATE conversations SET last_seq = 300, last_at = now(),
                lo_sent = CASE WHEN user_lo = '{id}' THEN 300 ELSE 0 END,
                hi_sent = CASE WHEN user_hi = '{id}' THEN 300 ELSE 0 END
          WHERE id = '{conversation}'"
    ));
}

#[test]
fn large_lists_and_histories_are_answered_in_parts_of_about_1_mb() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (id, conversation) = (&alice.id, alice.conversation());
    write_much(&world, id, &conversation);
    assert_eq!(every_row(&alice, "/api/auth/friendships", "friend_id").len(), 999);
    assert_eq!(every_row(&alice, "/api/auth/conversations", "conversation_id").len(), 999);
    let found = every_row(&alice, "/api/auth/messages/search?q=needle", "message_id");
    assert_eq!(found.len(), 998 + 300);
    let positions = |window: &Reply| -> Vec<i64> {
        let messages = window.data()["messages"].as_array().unwrap();
        messages.iter().map(|message| message["seq"].as_i64().unwrap()).collect()
    };
    let (mut backwards, mut forwards) = (Vec::new(), Vec::new());
    while backwards.first() != Some(&1) {
        let before = backwards.first().map_or(String::new(), |seq| format!("&before={seq}"));
        let window = alice.open(&conversation, &format!("?limit=200{before}")).ok();
        assert!(window.text.len() < 1_100_000 && positions(&window).len() < 100);
        assert_eq!(window.data()["has_more"], json!(positions(&window)[0] > 1));
        backwards = [positions(&window), backwards].concat();
    }
    while forwards.last() != Some(&300) {
        let after = forwards.last().copied().unwrap_or(0);
        let window = alice.open(&conversation, &format!("?limit=200&after={after}")).ok();
        forwards.extend(positions(&window));
        assert!(window.text.len() < 1_100_000);
        assert_eq!(window.data()["has_more"], json!(forwards.last() != Some(&300)));
    }
    let all: Vec<i64> = (1..=300).collect();
    assert_eq!((&backwards, &forwards), (&all, &all));
    assert_eq!(bob.unread(), 300);
}

#[test]
fn a_sender_has_at_most_one_hundred_pending_requests() {
    let world = World::new();
    let alice = world.person("alice_01");
    let others: Vec<Person> = (0..101).map(|number| world.person(&format!("person_{number:03}"))).collect();
    let first = id_of(&alice.ask(&others[0]).ok());
    for other in &others[1..100] {
        alice.ask(other).ok();
    }
    alice.ask(&others[100]).refused(409, "pending_request_limit_reached");
    alice.ask(&others[5]).refused(409, "request_already_pending");
    others[0].answer(&first, "rejected").ok();
    alice.ask(&others[100]).ok();
    alice.ask(&others[0]).refused(409, "pending_request_limit_reached");
}

#[test]
fn the_request_quota_returns_retry_after_on_every_instance() {
    let options = || Options { quota_requests_per_day: Some(2), ..Options::default() };
    let world = World::with(options());
    let other = world.second_instance_with(options());
    let alice = world.person("alice_01");
    let others: Vec<Person> = (0..4).map(|number| world.person(&format!("person_{number:03}"))).collect();
    alice.ask(&others[0]).ok();
    world.sql("UPDATE friendship_requests SET created_at = created_at - interval '23 hours'");
    alice.at(other.address).ask(&others[1]).ok();
    for instance in [world.address(), other.address] {
        let refused = alice.at(instance).ask(&others[2]).refused(429, "request_quota_used_up");
        assert!((3_500..=3_600).contains(&wait(&refused)), "{}", wait(&refused));
    }
    others[2].ask(&others[3]).ok();
    world.sql("UPDATE friendship_requests SET created_at = created_at - interval '1 hour'");
    alice.ask(&others[2]).ok();
}

#[test]
fn the_message_quota_returns_retry_after() {
    let world = World::with(Options { quota_messages_per_minute: Some(3), ..Options::default() });
    let (alice, bob) = world.friends();
    for text in ["1", "2", "3"] {
        alice.say(&bob, text);
    }
    let refused = alice.send(&bob, "4").refused(429, "message_quota_used_up");
    assert!((1..=20).contains(&wait(&refused)), "{}", wait(&refused));
    alice.post("/api/auth/messages", &json!({"receiver_id": bob.id})).blames("missing_field", "content");
    bob.say(&alice, "each user has a separate quota");
    assert_eq!(world.count("messages"), 4);
}

#[test]
fn without_quotas_no_request_is_limited() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for number in 0..100 {
        alice.say(&bob, &number.to_string());
    }
    assert_eq!(world.count("messages"), 100);
}
