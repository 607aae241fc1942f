//! Limits and quotas: number of friends, pending requests, messages and requests per time.

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
    let friends = alice.get("/api/auth/friendships").ok();
    assert_eq!(friends.data().as_array().unwrap().len(), 10_000);
    assert_eq!(friends.json["next_cursor"], json!(null), "one page holds all");
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok();
    alice.answer(&from_carol, "accepted").ok();
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
