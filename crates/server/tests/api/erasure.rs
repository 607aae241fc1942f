//! Erasing an account.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Person, World, assert_answer};

fn erase(person: &Person) -> crate::support::Reply {
    person.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD}))
}

/// Waits until the background erasure has finished.
fn wait_for_the_steps(world: &World) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.count("erasures") > 0 {
        assert!(Instant::now() < deadline, "the erasure was not finished within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_erased_account_is_gone_at_once_and_its_names_are_free() {
    let world = World::new();
    let other = world.second_instance();
    let body = json!({"name": "爱丽丝", "uid": "alice_01", "phone_number": "13800138000", "password": Person::PASSWORD});
    let reply = world.call("POST", "/api/register").json(&body).send().ok();
    let alice = Person::from_login(world.address(), reply.data());
    let bob = world.person("bob_0001");
    alice.befriend(&bob);
    assert_answer!("erase", erase(&alice).ok());
    alice.get("/api/auth/me").refused(401, "session_ended");
    erase(&alice).refused(401, "session_ended");
    for address in [world.address(), other.address] {
        let call = |path: &str| crate::support::Call::new(address, "POST", path);
        call("/auth/refresh_token").bearer(&alice.refresh_token).send().refused(401, "session_ended");
        let login = |path: &str, name: &str, value: &str| {
            call(path).json(&json!({name: value, "password": Person::PASSWORD})).send()
        };
        login("/api/login/uid", "uid", "alice_01").refused(401, "invalid_credentials");
        login("/api/login/phone_number", "phone_number", "13800138000").refused(401, "invalid_credentials");
        let bob = bob.at(address);
        bob.get("/api/auth/users?uid=alice_01").refused(400, "unknown_user");
        bob.send(&alice, "too late").refused(409, "not_friends");
        bob.ask(&alice).refused(400, "unknown_user");
        bob.call("PUT", &format!("/api/auth/blocks/{}", alice.id)).send().refused(400, "unknown_user");
    }
    world.call("POST", "/api/register").json(&body).send().ok();
}

#[test]
fn erasing_needs_the_password() {
    let world = World::new();
    let alice = world.person("alice_01");
    let with = |body: &Value| alice.with("DELETE", "/api/auth/me", body);
    with(&json!({"password": "wrong password"})).refused(401, "invalid_credentials");
    with(&json!({"password": ""})).refused(401, "invalid_credentials");
    with(&json!({})).blames("missing_field", "password");
    with(&json!({"password": 1})).blames("invalid_field", "password");
    // The password is accepted in the body only.
    alice.delete("/api/auth/me?password=x").refused(400, "malformed_json");
    alice.get("/api/auth/me").ok();
    for _ in 0..3 {
        with(&json!({"password": "wrong password"})).refused(401, "invalid_credentials");
    }
    // The account is throttled, so even the right password is not checked.
    let held_up = erase(&alice).refused(429, "too_many_attempts");
    assert!(held_up.header("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
    alice.get("/api/auth/me").ok();
}

#[test]
fn an_erasure_continues_after_its_server_is_gone() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    world.hold_lock("SELECT FROM conversations FOR UPDATE", || {
        erase(&alice.at(other.address)).ok();
        // No step has been executed yet.
        drop(other);
        assert_eq!(world.count("friendships"), 2);
    });
    wait_for_the_steps(&world);
    assert_eq!(world.count("friendships"), 0);
    bob.get("/api/auth/me").ok();
}

/// Checks that a response shows the erased account as `erased` and shows nothing else of it.
fn assert_erased(person: &Person, path: &str, field: &str) {
    for (language, word) in [("zh", "已注销"), ("en", "Deleted account")] {
        let reply = person.call("GET", path).header("Accept-Language", language).send().ok();
        let item = if reply.data().is_array() { &reply.data()[0] } else { reply.data() };
        assert_eq!(item[field], word, "{path}: {}", reply.text);
        assert!(!reply.text.contains("alice"), "{path}: {}", reply.text);
    }
}

#[test]
fn every_response_names_an_erased_account_as_erased() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (carol, dave) = (world.person("carol_01"), world.person("dave_001"));
    alice.ask(&carol).ok();
    dave.ask(&alice).ok();
    bob.call("PUT", &format!("/api/auth/blocks/{}", alice.id)).send().ok();
    bob.say(&alice, "kept");
    let window = format!("/api/auth/conversations/{}", bob.conversation());
    let lists = [
        (&bob, "/api/auth/friendships", "friend_name"),
        (&bob, "/api/auth/blocks", "name"),
        (&carol, "/api/auth/friendship_requests", "sender_name"),
        (&dave, "/api/auth/friendship_requests?direction=sent", "receiver_name"),
    ];
    let kept = [(&bob, "/api/auth/conversations", "friend_name"), (&bob, window.as_str(), "friend_name")];
    // No step is executed while the lock is held: each waits for a pair first.
    world.hold_lock("SELECT FROM conversations FOR UPDATE", || {
        erase(&alice).ok();
        for (person, path, field) in lists.into_iter().chain(kept) {
            assert_erased(person, path, field);
        }
    });
    wait_for_the_steps(&world);
    for (person, path, _) in lists {
        assert_eq!(person.get(path).ok().data(), &json!([]), "{path}");
    }
    for (person, path, field) in kept {
        assert_erased(person, path, field);
    }
    let seen = bob.get(&window).ok();
    assert_eq!((&seen.data()["is_friend"], &seen.data()["peer_read_seq"]), (&json!(false), &Value::Null));
    assert_eq!(bob.texts(&bob.conversation()), ["kept"]);
}

#[test]
fn messages_are_deleted_when_both_members_are_erased() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "one");
    bob.say(&alice, "two");
    erase(&alice).ok();
    wait_for_the_steps(&world);
    assert_eq!(world.count("messages"), 2);
    erase(&bob).ok();
    wait_for_the_steps(&world);
    for table in ["messages", "conversations", "conversation_members", "friendship_requests"] {
        assert_eq!(world.count(table), 0, "{table}");
    }
}
