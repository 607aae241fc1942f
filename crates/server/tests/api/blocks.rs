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
