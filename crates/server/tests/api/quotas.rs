//! Quotas: each has its error name and a `Retry-After`.

use std::time::{Duration, Instant};

use serde_json::json;
use server::config::Options;

use crate::support::{Call, Person, Reply, World};

/// Asserts the refusal by a quota, and that the wait is in whole seconds up to this one.
#[track_caller]
fn used_up(reply: Reply, error: &str, longest: u64) {
    let reply = reply.refused(429, error);
    let wait: u64 = reply.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=longest).contains(&wait), "{wait}");
}

fn send(from: &Person, to: &Person, text: &str, key: &str) -> Reply {
    let body = json!({"receiver_id": to.id, "content": text, "client_message_id": key});
    from.post("/api/auth/messages", &body)
}

#[test]
fn a_repeat_is_answered_although_the_quota_is_used_up() {
    let world = World::with(Options { quota_messages_per_minute: Some(2), ..Options::default() });
    let (alice, bob) = world.friends();
    let first = send(&alice, &bob, "1", "key 1").ok();
    send(&alice, &bob, "2", "key 2").ok();
    assert_eq!(send(&alice, &bob, "1", "key 1").ok().data(), first.data());
    send(&alice, &bob, "other", "key 1").refused(409, "idempotency_conflict");
    used_up(send(&alice, &bob, "3", "key 3"), "message_quota_used_up", 30);
    used_up(alice.send(&bob, "3"), "message_quota_used_up", 30);
    assert_eq!(world.count("messages"), 2);
}

#[test]
fn repeats_beyond_the_quota_are_limited_too() {
    let world = World::with(Options { quota_messages_per_minute: Some(1), ..Options::default() });
    let (alice, bob) = world.friends();
    send(&alice, &bob, "1", "key 1").ok();
    let answers: Vec<u16> = (0..75).map(|_| send(&alice, &bob, "1", "key 1").status).collect();
    assert!(answers[..60].iter().all(|status| *status == 200), "{answers:?}");
    assert!(answers[60..].contains(&429), "{answers:?}");
}

#[test]
fn refusals_beyond_the_quota_are_answered_later_and_alike() {
    let world = World::with(Options { quota_refusals_per_minute: Some(2), ..Options::default() });
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let refused = |person: &Person| {
        let begun = Instant::now();
        let reply = person.post("/api/auth/friendship_requests", &json!({"receiver_id": "none"}));
        reply.blames("invalid_field", "receiver_id");
        begun.elapsed() >= Duration::from_secs(1)
    };
    refused(&alice);
    refused(&alice);
    assert!((0..3).all(|_| refused(&alice)), "the answer is held back");
    alice.get("/api/auth/me").ok();
    refused(&bob);
}

#[test]
fn the_quota_of_text_returns_retry_after() {
    let options = Options { quota_message_kilobytes_per_minute: Some(30), ..Options::default() };
    let world = World::with(options);
    let (alice, bob) = world.friends();
    let long = "长".repeat(5000);
    alice.say(&bob, &long);
    alice.say(&bob, &long);
    used_up(alice.send(&bob, &long), "message_volume_used_up", 60);
    bob.say(&alice, "each user has a separate quota");
}

#[test]
fn a_text_above_the_whole_quota_can_be_sent() {
    let options = Options { quota_message_kilobytes_per_minute: Some(1), ..Options::default() };
    let world = World::with(options);
    let (alice, bob) = world.friends();
    alice.say(&bob, &"长".repeat(5000));
    used_up(alice.send(&bob, "again"), "message_volume_used_up", 60);
}

#[test]
fn the_look_up_quota_counts_what_is_found_and_what_is_not() {
    let world = World::with(Options { quota_lookups_per_minute: Some(3), ..Options::default() });
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let find = |who: &Person, uid: &str| who.get(&format!("/api/auth/users?uid={uid}"));
    find(&alice, "1bad").blames("invalid_field", "uid");
    find(&alice, "bob_0001").ok();
    find(&alice, "unknown_1").refused(400, "unknown_user");
    find(&alice, "alice_01").ok();
    used_up(find(&alice, "bob_0001"), "lookup_quota_used_up", 20);
    used_up(find(&alice, "unknown_1"), "lookup_quota_used_up", 20);
    find(&bob, "alice_01").ok();
    alice.get("/api/auth/me").ok();
}

#[test]
fn the_quota_of_uid_changes_holds_on_every_instance() {
    let options = || Options { quota_uid_changes_per_day: Some(2), ..Options::default() };
    let world = World::with(options());
    let other = world.second_instance_with(options());
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let change = |who: &Person, uid: &str| who.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": uid}));
    change(&alice, "alice_01").refused(400, "uid_unchanged");
    change(&alice, "bob_0001").refused(400, "uid_taken");
    change(&alice.at(other.address), "alice_02").ok();
    for instance in [world.address(), other.address] {
        used_up(change(&alice.at(instance), "bob_0001"), "uid_change_quota_used_up", 43_200);
        used_up(change(&alice.at(instance), "alice_03"), "uid_change_quota_used_up", 43_200);
    }
    change(&bob, "bob_0002").ok();
}

#[test]
fn one_user_asks_another_three_times_a_day() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    for _ in 0..3 {
        let request = alice.ask(&bob).ok().data()["request_id"].as_str().unwrap().to_owned();
        alice.delete(&format!("/api/auth/friendship_requests/{request}")).ok();
    }
    used_up(alice.ask(&bob), "pair_request_quota_used_up", 86_400);
    assert_eq!(bob.get("/api/auth/friendship_requests").ok().data(), &json!([]));
    bob.ask(&alice).ok();
}

fn register(world: &World, from: &str, uid: &str) -> Reply {
    let body = json!({"name": "雁", "uid": uid, "password": Person::PASSWORD});
    Call::new(world.address(), "POST", "/api/register").header("X-Forwarded-For", from).json(&body).send()
}

#[test]
fn registrations_are_counted_by_address_taken_uids_included() {
    let world = World::with(Options {
        quota_registrations_per_hour: Some(3),
        trusted_proxies: Some(vec!["127.0.0.1".to_owned()]),
        ..Options::default()
    });
    for from in ["192.0.2.7", "2001:db8::1"] {
        register(&world, from, "1bad").blames("invalid_field", "uid");
        let first = if from.contains(':') { "goose_01" } else { "swan_001" };
        register(&world, from, first).ok();
        register(&world, from, first).refused(400, "uid_taken");
        register(&world, from, first).refused(400, "uid_taken");
        used_up(register(&world, from, "goose_02"), "registration_quota_used_up", 1200);
    }
    used_up(register(&world, "2001:db8::2", "goose_02"), "registration_quota_used_up", 1200);
    register(&world, "192.0.2.8", "goose_02").ok();
    assert_eq!(world.count("users"), 3);
}

#[test]
fn the_local_machine_is_limited_in_all_only() {
    let world = World::with(Options { quota_registrations_per_hour: Some(3), ..Options::default() });
    for number in 0..10 {
        world.person(&format!("person_{number:02}"));
    }
    // What a slow machine has meanwhile given back is taken again, and more.
    world.sql("UPDATE quotas SET full_at = greatest(full_at, clock_timestamp()) + interval '90 s'");
    used_up(register(&world, "192.0.2.7", "goose_01"), "registration_quota_used_up", 60);
}
