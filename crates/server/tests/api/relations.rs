//! What clients learn of those they have to do with: ids of conversations, uids, relations.

use serde_json::{Value, json};

use crate::support::{Person, World};

fn user(person: &Person, id: &str) -> crate::support::Reply {
    person.get(&format!("/api/auth/users/{id}"))
}

#[test]
fn accepting_tells_the_conversation_and_rejecting_tells_nothing() {
    let world = World::new();
    let (alice, bob, carol) = (world.person("alice_01"), world.person("bob_0001"), world.person("carol_01"));
    let request = |from: &Person| from.ask(&bob).ok().data()["request_id"].as_str().unwrap().to_owned();
    let accepted = bob.answer(&request(&alice), "accepted").ok();
    assert_eq!(accepted.data(), &json!({"conversation_id": bob.conversation()}));
    let rejected = bob.answer(&request(&carol), "rejected").ok();
    assert_eq!(rejected.json.get("data"), None);
}

#[test]
fn asking_in_return_tells_the_conversation_and_asking_does_not() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    assert_eq!(alice.ask(&bob).ok().data().get("conversation_id"), Some(&Value::Null));
    assert_eq!(bob.ask(&alice).ok().data()["conversation_id"], json!(bob.conversation()));
}

#[test]
fn a_cleared_conversation_is_opened_by_the_id_in_the_list_of_friends() {
    let world = World::new();
    let (alice, bob) = world.friends();
    bob.say(&alice, "gone");
    let conversation = alice.conversation();
    alice.delete(&format!("/api/auth/conversations/{conversation}")).ok();
    assert_eq!(alice.conversations(), json!([]));
    let friend = alice.get("/api/auth/friendships").ok().data()[0].clone();
    assert_eq!(friend["conversation_id"], json!(conversation));
    let window = alice.open(&conversation, "").ok();
    let seen = (&window.data()["friend_id"], &window.data()["messages"], &window.data()["last_seq"]);
    assert_eq!(seen, (&json!(bob.id), &json!([]), &json!(1)));
    bob.say(&alice, "new");
    assert_eq!(alice.texts(&conversation), ["new"]);
}

#[test]
fn requests_show_the_uid_of_the_other() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    alice.ask(&bob).ok();
    let received = || bob.get("/api/auth/friendship_requests").ok().data()[0].clone();
    let sent = || alice.get("/api/auth/friendship_requests?direction=sent").ok().data()[0].clone();
    assert_eq!(
        (&received()["sender_uid"], &sent()["receiver_uid"]),
        (&json!("alice_01"), &json!("bob_0001"))
    );
    world.sql(
        "UPDATE users SET state = 'erased', erased_at = now(), uid = '', name = '', password_hash = '' WHERE uid = 'bob_0001'",
    );
    assert_eq!(sent().get("receiver_uid"), Some(&Value::Null));
}

#[test]
fn the_list_of_conversations_tells_the_relation() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let relation_of = |who: &Person| {
        let entry = who.conversations()[0].clone();
        let read = entry.get("peer_read_seq").cloned().unwrap_or_else(|| json!("missing"));
        let window = who.open(entry["conversation_id"].as_str().unwrap(), "").ok();
        assert_eq!(read, window.data()["peer_read_seq"], "as in the window");
        assert_eq!(entry["is_friend"], window.data()["is_friend"], "as in the window");
        json!([entry["friend_uid"], entry["is_friend"], entry["blocked"], read])
    };
    alice.say(&bob, "hi");
    assert_eq!(relation_of(&alice), json!(["bob_0001", true, false, 0]));
    let conversation = alice.conversation();
    let read = |seq: i64| {
        bob.with("PUT", &format!("/api/auth/conversations/{conversation}/read"), &json!({"seq": seq})).ok();
    };
    read(1);
    assert_eq!(relation_of(&alice), json!(["bob_0001", true, false, 1]));
    bob.say(&alice, "yes");
    bob.call("PUT", &format!("/api/auth/blocks/{}", alice.id)).send().ok();
    read(2);
    assert_eq!(
        relation_of(&alice),
        json!(["bob_0001", true, false, 1]),
        "a block is nothing the blocked one sees"
    );
    assert_eq!(relation_of(&bob), json!(["alice_01", true, true, 0]));
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok();
    assert_eq!(relation_of(&bob), json!(["alice_01", false, true, null]));
}

#[test]
fn the_list_shows_no_uid_of_an_erased_friend() {
    let world = World::new();
    let (alice, bob) = world.friends();
    bob.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD})).ok();
    assert_eq!(alice.conversations()[0].get("friend_uid"), Some(&Value::Null));
}

#[test]
fn an_account_is_shown_to_itself_to_friends_and_to_those_of_a_request() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let carol = world.person("carol_01");
    carol.ask(&alice).ok();
    for (viewer, shown, relation) in [
        (&alice, &alice, "self"),
        (&alice, &bob, "friend"),
        (&alice, &carol, "request_received"),
        (&carol, &alice, "request_sent"),
    ] {
        let by_uid = viewer.get(&format!("/api/auth/users?uid={}", shown.uid)).ok();
        assert_eq!(user(viewer, &shown.id).ok().json, by_uid.json);
        assert_eq!(by_uid.data()["relation"], relation);
    }
}

#[test]
fn all_other_accounts_are_unknown_alike() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (carol, dave) = (world.person("carol_01"), world.person("dave_001"));
    let erin = world.person("erin_001");
    let unknown = user(&alice, "01890a5d-ac96-774b-bcce-b302099a8057").refused(400, "unknown_user");
    let like_unknown = |viewer: &Person, id: &str| {
        let reply = user(viewer, id).refused(400, "unknown_user");
        assert_eq!(
            (reply.text.as_str(), reply.stable_headers()),
            (unknown.text.as_str(), unknown.stable_headers())
        );
    };
    like_unknown(&alice, &carol.id);
    // A request that its sender withdrew, or whose sender the receiver blocks, lies between no two.
    let request = carol.ask(&alice).ok().data()["request_id"].as_str().unwrap().to_owned();
    carol.delete(&format!("/api/auth/friendship_requests/{request}")).ok();
    like_unknown(&alice, &carol.id);
    like_unknown(&carol, &alice.id);
    dave.ask(&alice).ok();
    alice.call("PUT", &format!("/api/auth/blocks/{}", dave.id)).send().ok();
    like_unknown(&alice, &dave.id);
    let request = erin.ask(&alice).ok().data()["request_id"].as_str().unwrap().to_owned();
    alice.answer(&request, "rejected").ok();
    like_unknown(&erin, &alice.id);
    bob.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    like_unknown(&alice, &bob.id);
    like_unknown(&bob, &alice.id);
    erin.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD})).ok();
    like_unknown(&alice, &erin.id);
    user(&alice, "x").blames("invalid_field", "user_id");
}
