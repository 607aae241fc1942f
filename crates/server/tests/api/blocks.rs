//! Blocks.

use serde_json::json;

use crate::support::{World, assert_answer};

#[test]
fn a_blocked_user_can_neither_send_nor_request_friendship() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let path = format!("/api/auth/blocks/{}", bob.id);
    assert_answer!("block", alice.with("PUT", &path, &json!({})).ok());
    alice.call("PUT", &path).send().ok();
    assert_answer!("blocks", alice.get("/api/auth/blocks").ok());
    bob.send(&alice, "hello?").refused(409, "blocked");
    alice.say(&bob, "the blocker may still write");
    assert_eq!(bob.get("/api/auth/friendships").ok().data().as_array().unwrap().len(), 1);
    bob.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    bob.send(&alice, "hello?").refused(409, "not_friends");
    bob.ask(&alice).refused(409, "blocked");
    assert_answer!("unblock", alice.delete(&path).ok());
    alice.delete(&path).ok();
    assert_eq!(alice.get("/api/auth/blocks").ok().data(), &json!([]));
    bob.befriend(&alice);
    bob.say(&alice, "thank you");
}

#[test]
fn a_refused_request_is_worded_as_a_request_in_both_languages() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    alice.call("PUT", &format!("/api/auth/blocks/{}", bob.id)).send().ok();
    let ask = |language: &str| {
        let body = json!({"receiver_id": alice.id});
        let call = bob.call("POST", "/api/auth/friendship_requests").header("Accept-Language", language);
        let refused = call.json(&body).send().refused(409, "blocked");
        refused.json["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask("zh"), "对方拒绝接收你的好友申请。");
    assert_eq!(ask("en"), "The other user refuses friendship requests from you.");
}

#[test]
fn a_request_of_a_blocked_user_waits_unseen() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    bob.ask(&alice).ok();
    let path = format!("/api/auth/blocks/{}", bob.id);
    let waiting = || {
        let list = alice.get("/api/auth/friendship_requests").ok().data().as_array().unwrap().len();
        (list, alice.get("/api/auth/me").ok().data()["pending_requests"].as_i64().unwrap())
    };
    assert_eq!(waiting(), (1, 1));
    alice.call("PUT", &path).send().ok();
    assert_eq!(waiting(), (0, 0));
    alice.delete(&path).ok();
    assert_eq!(waiting(), (1, 1));
}

#[test]
fn a_blocked_friend_learns_nothing_of_reads() {
    let world = World::new();
    let (alice, bob) = world.friends();
    bob.say(&alice, "1");
    bob.say(&alice, "2");
    let path = format!("/api/auth/conversations/{}", bob.conversation());
    let read = |seq: i64| alice.with("PUT", &format!("{path}/read"), &json!({"seq": seq})).ok();
    let seen = || bob.get(&path).ok().data()["peer_read_seq"].clone();
    read(1);
    alice.call("PUT", &format!("/api/auth/blocks/{}", bob.id)).send().ok();
    assert_eq!(read(2).data()["read_seq"], 2);
    assert_eq!(seen(), 1);
    alice.delete(&format!("/api/auth/blocks/{}", bob.id)).ok();
    assert_eq!(seen(), 1);
    read(2);
    assert_eq!(seen(), 2);
}

#[test]
fn blocking_yourself_or_an_unknown_user_is_refused() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    for method in ["PUT", "DELETE"] {
        let call = |id: &str| alice.call(method, &format!("/api/auth/blocks/{id}")).send();
        call(&alice.id).refused(400, "cannot_block_oneself");
        call("01890a5d-ac96-774b-bcce-b302099a8057").refused(400, "unknown_user");
        call("x").blames("invalid_field", "user_id");
        call(&bob.id).ok();
    }
    alice.get("/api/auth/blocks?limit=0").blames("invalid_field", "limit");
}
