//! Friendship requests and friendships.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Person, Reply, World, assert_answer};

const REQUESTS: &str = "/api/auth/friendship_requests";

fn id_of(reply: &Reply) -> String {
    reply.data()["request_id"].as_str().unwrap().to_owned()
}

fn status_at(person: &Person, query: &str) -> String {
    let list = person.get(&format!("{REQUESTS}{query}")).ok();
    list.data()[0]["status"].as_str().unwrap().to_owned()
}

#[test]
fn an_accepted_request_makes_friends() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let request = alice.ask(&bob).ok();
    assert_answer!("ask", request);
    assert_answer!("requests_received", bob.get(REQUESTS).ok());
    assert_answer!("requests_sent", alice.get(&format!("{REQUESTS}?direction=sent")).ok());
    assert_eq!(alice.get(REQUESTS).ok().data(), &json!([]));
    assert_answer!("answer", bob.answer(&id_of(&request), "accepted").ok());
    assert_eq!(status_at(&bob, ""), "accepted");
    assert_answer!("friendships", alice.get("/api/auth/friendships").ok());
    let (of_alice, of_bob) = (alice.get("/api/auth/friendships"), bob.get("/api/auth/friendships"));
    assert_eq!(of_alice.data()[0]["friendship_id"], of_bob.data()[0]["friendship_id"]);
    assert_eq!(of_bob.data()[0]["friend_id"], Value::from(alice.id.clone()));
    assert_answer!("conversations_of_new_friends", alice.get("/api/auth/conversations").ok());
    alice.ask(&bob).refused(409, "already_friends");
}

#[test]
fn the_senders_name_is_taken_from_its_account() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let body =
        json!({"sender_name": "the bank", "receiver_id": bob.id, "sender_id": bob.id, "status": "accepted"});
    alice.post(REQUESTS, &body).ok();
    let list = bob.get(REQUESTS).ok();
    assert_eq!(list.data()[0]["sender_name"], "alice_01");
    assert_eq!(
        (&list.data()[0]["status"], &list.data()[0]["verification_message"]),
        (&json!("pending"), &json!(""))
    );
}

#[test]
fn requesting_yourself_or_an_unknown_user_is_refused() {
    let world = World::new();
    let alice = world.person("alice_01");
    alice.ask(&alice).refused(400, "cannot_befriend_oneself");
    let unknown = json!({"receiver_id": "01890a5d-ac96-774b-bcce-b302099a8057"});
    alice.post(REQUESTS, &unknown).refused(400, "unknown_user");
    alice.post(REQUESTS, &json!({"receiver_id": "x"})).blames("invalid_field", "receiver_id");
    let long = json!({"receiver_id": alice.id, "verification_message": "字".repeat(129)});
    alice.post(REQUESTS, &long).blames("invalid_field", "verification_message");
    assert_eq!(world.count("friendship_requests"), 0);
}

#[test]
fn only_one_request_to_a_user_can_be_pending() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    alice.ask(&bob).ok();
    alice.ask(&bob).refused(409, "request_already_pending");
    assert_eq!(world.count("friendship_requests"), 1);
}

#[test]
fn a_request_in_the_other_direction_accepts() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let asked = alice.ask(&bob).ok();
    let crossed = bob.ask(&alice).ok();
    assert_eq!((id_of(&asked), &crossed.data()["status"]), (id_of(&crossed), &json!("accepted")));
    assert_eq!(world.count("friendships"), 2);
}

#[test]
fn a_request_may_be_repeated_after_a_rejection() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let first = id_of(&alice.ask(&bob).ok());
    bob.answer(&first, "rejected").ok();
    assert_eq!(status_at(&bob, ""), "rejected");
    bob.answer(&first, "accepted").refused(409, "request_already_answered");
    let second = id_of(&alice.ask(&bob).ok());
    assert_ne!(first, second);
    bob.answer(&second, "accepted").ok();
    assert_eq!(bob.get(REQUESTS).ok().data().as_array().unwrap().len(), 2);
}

#[test]
fn a_request_expires_after_three_days() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let request = id_of(&alice.ask(&bob).ok());
    assert_eq!(world.count("friendship_requests WHERE expires_at = created_at + interval '3 days'"), 1);
    world.sql("UPDATE friendship_requests SET expires_at = created_at");
    assert_eq!(
        (status_at(&bob, ""), status_at(&alice, "?direction=sent")),
        ("expired".into(), "expired".into())
    );
    bob.answer(&request, "accepted").refused(409, "request_expired");
    alice.delete(&format!("{REQUESTS}/{request}")).refused(409, "request_expired");
    alice.ask(&bob).ok();
    world.sql("UPDATE friendship_requests SET expires_at = created_at WHERE status = 'pending'");
    let again = bob.ask(&alice).ok();
    assert_eq!(
        again.data()["status"],
        "pending",
        "a request in the other direction does not accept an expired one"
    );
}

#[test]
fn the_sender_can_withdraw_a_request() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let request = id_of(&alice.ask(&bob).ok());
    let path = format!("{REQUESTS}/{request}");
    bob.delete(&path).refused(400, "unknown_request");
    assert_answer!("withdraw", alice.delete(&path).ok());
    alice.delete(&path).refused(409, "request_already_answered");
    bob.answer(&request, "accepted").refused(409, "request_already_answered");
    assert_eq!(status_at(&alice, "?direction=sent"), "canceled");
    assert_eq!(bob.get(REQUESTS).ok().data(), &json!([]), "it leaves the receiver's list");
    alice.ask(&bob).ok();
}

#[test]
fn a_request_does_not_exist_for_anyone_but_its_receiver() {
    let world = World::new();
    let (alice, bob, eve) = (world.person("alice_01"), world.person("bob_0001"), world.person("eve_0001"));
    let request = id_of(&alice.ask(&bob).ok());
    let missing =
        eve.answer("01890a5d-ac96-774b-bcce-b302099a8057", "accepted").refused(400, "unknown_request");
    for person in [&alice, &eve] {
        let reply = person.answer(&request, "accepted").refused(400, "unknown_request");
        assert_eq!(reply.text, missing.text);
    }
    eve.delete(&format!("{REQUESTS}/{request}")).refused(400, "unknown_request");
    eve.delete(&format!("{REQUESTS}/x")).blames("invalid_field", "request_id");
    bob.answer("x", "accepted").blames("invalid_field", "request_id");
    for status in ["pending", "expired", "canceled", "", "ACCEPTED"] {
        bob.answer(&request, status).blames("invalid_field", "status");
    }
    assert_eq!(status_at(&bob, ""), "pending");
}

#[test]
fn concurrent_answers_to_a_request_have_one_winner() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let request = id_of(&alice.ask(&bob).ok());
    let answers: Vec<_> = (0..50)
        .map(|number| {
            let bob = bob.at(if number % 3 == 0 { other.address } else { world.address() });
            let (request, answer) = (request.clone(), if number % 2 == 0 { "accepted" } else { "rejected" });
            thread::spawn(move || (answer, bob.answer(&request, answer)))
        })
        .collect();
    let replies: Vec<_> = answers.into_iter().map(|thread| thread.join().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|(_, reply)| reply.status == 200);
    assert_eq!(won.len(), 1);
    for (_, reply) in lost {
        reply.refused(409, "request_already_answered");
    }
    let friendships = if won[0].0 == "accepted" { 2 } else { 0 };
    assert_eq!((world.count("friendships"), status_at(&bob, "")), (friendships, won[0].0.to_owned()));
}

#[test]
fn unfriending_ends_it_for_both_and_clears_the_callers_side() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "一");
    let conversation = bob.conversation();
    assert_answer!("unfriend", alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok());
    assert_eq!(alice.get("/api/auth/friendships").ok().data(), &json!([]));
    assert_eq!(bob.get("/api/auth/friendships").ok().data(), &json!([]));
    assert_eq!(alice.conversations(), json!([]));
    assert_eq!(bob.texts(&conversation), ["一"]);
    alice.send(&bob, "二").refused(409, "not_friends");
    bob.send(&alice, "二").refused(409, "not_friends");
    let window = bob.open(&conversation, "").ok();
    assert_eq!((&window.data()["is_friend"], &window.data()["peer_read_seq"]), (&json!(false), &Value::Null));
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).refused(409, "not_friends");
    alice.befriend(&bob);
    assert_eq!(alice.conversation(), conversation);
    assert_eq!(alice.texts(&conversation), Vec::<String>::new());
    alice.say(&bob, "三");
    assert_eq!(bob.texts(&conversation), ["一", "三"]);
    assert_eq!(alice.texts(&conversation), ["三"]);
}

#[test]
fn unfriending_a_non_friend_never_says_whether_it_exists() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    for id in [bob.id.as_str(), alice.id.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057"] {
        alice.delete(&format!("/api/auth/friendships/{id}")).refused(409, "not_friends");
    }
    alice.delete("/api/auth/friendships/x").blames("invalid_field", "friend_id");
}

#[test]
fn lists_are_read_page_by_page() {
    let world = World::new();
    let alice = world.person("alice_01");
    for number in 0..7 {
        world.person(&format!("friend_{number}")).befriend(&alice);
    }
    for path in ["/api/auth/friendships", REQUESTS, "/api/auth/conversations"] {
        let whole = alice.get(path).ok();
        assert_eq!(whole.json["next_cursor"], Value::Null);
        let (mut pages, mut query) = (Vec::new(), "?limit=3".to_owned());
        loop {
            let page = alice.get(&format!("{path}{query}")).ok();
            pages.extend(page.data().as_array().unwrap().clone());
            let Some(cursor) = page.json["next_cursor"].as_str() else { break };
            query = format!("?limit=3&cursor={cursor}");
        }
        assert_eq!(&Value::from(pages), whole.data(), "{path}");
        for query in ["?limit=0", "?limit=x", "?limit=10001"] {
            alice.get(&format!("{path}{query}")).blames("invalid_field", "limit");
        }
        alice.get(&format!("{path}?cursor=x")).blames("invalid_field", "cursor");
    }
    alice.get(&format!("{REQUESTS}?direction=x")).blames("invalid_field", "direction");
}

#[test]
fn a_remark_is_private_and_is_deleted_with_the_friendship() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let conversation = alice.conversation();
    let path = format!("/api/auth/friendships/{}/remark", bob.id);
    let note = |remark: &str| alice.with("PUT", &path, &json!({ "remark": remark }));
    let seen_by = |person: &Person| {
        let friends = person.get("/api/auth/friendships").ok().data()[0]["remark"].clone();
        let list = person.conversations()[0]["remark"].clone();
        let window = person.open(&conversation, "").ok().data()["remark"].clone();
        assert_eq!((&friends, &friends), (&list, &window));
        friends.as_str().unwrap().to_owned()
    };
    assert_eq!(seen_by(&alice), "");
    assert_answer!("remark", note(" 老王\n👋🏽 ").ok());
    assert_eq!((seen_by(&alice).as_str(), seen_by(&bob).as_str()), (" 老王\n👋🏽 ", ""));
    note(&"字".repeat(64)).ok();
    note(&"字".repeat(65)).blames("invalid_field", "remark");
    note("\u{0}").blames("invalid_field", "remark");
    alice.with("PUT", &path, &json!({})).blames("missing_field", "remark");
    assert_eq!(seen_by(&alice), "字".repeat(64));
    note("").ok();
    assert_eq!(seen_by(&alice), "");
    note("again").ok();
    bob.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    note("too late").refused(409, "not_friends");
    assert_eq!(alice.open(&conversation, "").ok().data()["remark"], "");
    alice.befriend(&bob);
    assert_eq!(seen_by(&alice), "");
}

#[test]
fn only_a_friend_has_a_remark() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    for id in [bob.id.as_str(), alice.id.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057"] {
        let path = format!("/api/auth/friendships/{id}/remark");
        alice.with("PUT", &path, &json!({"remark": "x"})).refused(409, "not_friends");
    }
    let path = "/api/auth/friendships/x/remark";
    alice.with("PUT", path, &json!({"remark": "x"})).blames("invalid_field", "friend_id");
}
