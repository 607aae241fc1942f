//! Registration, user lookup, and changes of the uid and nickname.

use std::thread;

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{Person, World, assert_answer};

#[test]
fn registering_logs_in() {
    let world = World::new();
    let body = json!({"name": " 爱丽丝 🌸 ", "uid": "Alice_01", "phone_number": "13800138000", "password": Person::PASSWORD});
    let reply = world.call("POST", "/api/register").json(&body).send().ok();
    assert_answer!("register", reply);
    assert_eq!(reply.data()["user_info"]["name"], "爱丽丝 🌸");
    let alice = Person::from_login(world.address(), reply.data());
    assert_answer!("me", alice.get("/api/auth/me").ok());
}

#[test]
fn an_account_without_a_chosen_uid_gets_a_working_one() {
    let world = World::new();
    let body = json!({"name": "无名", "password": Person::PASSWORD});
    let reply = world.call("POST", "/api/register").json(&body).send().ok();
    let uid = reply.data()["user_info"]["uid"].as_str().unwrap();
    assert!(uid.starts_with("wxid_") && uid.len() == 20, "{uid}");
    let login = json!({"uid": uid, "password": Person::PASSWORD});
    world.call("POST", "/api/login/uid").json(&login).send().ok();
    let me = Person::from_login(world.address(), reply.data()).get("/api/auth/me").ok();
    assert_eq!(me.data()["phone_number"], Value::Null);
}

#[test]
fn a_uid_in_any_case_and_a_phone_number_can_be_taken_once() {
    let world = World::new();
    let register = |uid: &str, phone: &str| {
        let body = json!({"name": "n", "uid": uid, "phone_number": phone, "password": Person::PASSWORD});
        world.call("POST", "/api/register").json(&body).send()
    };
    register("Alice_01", "13800138000").ok();
    register("aLICE_01", "13800138001").refused(400, "uid_taken");
    register("alice_02", "13800138000").refused(400, "phone_number_taken");
    register("alice_01", "13800138000").refused(400, "uid_taken");
    assert_eq!(world.count("users"), 1);
}

#[test]
fn concurrent_registrations_of_one_uid_have_one_winner() {
    let world = World::new();
    let address = world.address();
    let tries: Vec<_> = (0..16)
        .map(|number| {
            thread::spawn(move || {
                let uid = if number % 2 == 0 { "same_uid" } else { "SAME_UID" };
                let body = json!({"name": "n", "uid": uid, "password": Person::PASSWORD});
                crate::support::Call::new(address, "POST", "/api/register").json(&body).send().status
            })
        })
        .collect();
    let mut statuses: Vec<u16> = tries.into_iter().map(|thread| thread.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses.len()), (200, 400, 16));
    assert_eq!(world.count("users"), 1);
}

#[test]
fn login_accepts_the_uid_in_any_case_and_the_phone_number() {
    let world = World::new();
    let body =
        json!({"name": "n", "uid": "Alice_01", "phone_number": "13800138000", "password": Person::PASSWORD});
    world.call("POST", "/api/register").json(&body).send().ok();
    let by_uid = json!({"uid": "ALICE_01", "password": Person::PASSWORD});
    let reply = world.call("POST", "/api/login/uid").json(&by_uid).send().ok();
    assert_answer!("login", reply);
    let by_phone = json!({"phone_number": "13800138000", "password": Person::PASSWORD});
    let phone = world.call("POST", "/api/login/phone_number").json(&by_phone).send().ok();
    assert_answer!("login_by_phone_number", phone);
    assert_eq!(phone.data()["user_info"], reply.data()["user_info"]);
}

#[test]
fn a_failed_login_does_not_say_why() {
    let world = World::new();
    let alice = world.person("alice_01");
    let login = |path: &str, body: Value| world.call("POST", path).json(&body).send();
    let wrong = login("/api/login/uid", json!({"uid": alice.uid, "password": "wrong password"}));
    let wrong = wrong.refused(401, "invalid_credentials");
    for uid in ["nobody_01", "", "x", "bad uid \u{0}", &"long".repeat(1000)] {
        for password in ["", "wrong", Person::PASSWORD] {
            let reply = login("/api/login/uid", json!({"uid": uid, "password": password}));
            assert_eq!(reply.refused(401, "invalid_credentials").text, wrong.text);
        }
    }
    let phone = login("/api/login/phone_number", json!({"phone_number": "13900000000", "password": "x"}));
    assert_eq!(phone.refused(401, "invalid_credentials").text, wrong.text);
}

#[test]
fn a_user_is_found_by_uid_with_the_relation_to_the_caller() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("Bob_0001"));
    let relation = |viewer: &Person, uid: &str| {
        let found = viewer.get(&format!("/api/auth/users?uid={uid}")).ok();
        found.data()["relation"].as_str().unwrap().to_owned()
    };
    assert_answer!("find_user", alice.get("/api/auth/users?uid=bOB_0001").ok());
    assert_eq!((relation(&alice, "alice_01"), relation(&alice, "bob_0001")), ("self".into(), "none".into()));
    let request = alice.ask(&bob).ok();
    assert_eq!(relation(&alice, "bob_0001"), "request_sent");
    assert_eq!(relation(&bob, "alice_01"), "request_received");
    world.sql("UPDATE friendship_requests SET expires_at = created_at");
    assert_eq!(relation(&bob, "alice_01"), "none");
    world.sql("UPDATE friendship_requests SET expires_at = created_at + interval '1 day'");
    bob.answer(request.data()["request_id"].as_str().unwrap(), "accepted").ok();
    assert_eq!(
        (relation(&alice, "bob_0001"), relation(&bob, "alice_01")),
        ("friend".into(), "friend".into())
    );
    alice.get("/api/auth/users?uid=nobody_01").refused(400, "unknown_user");
    alice.get("/api/auth/users?uid=no").blames("invalid_field", "uid");
    alice.get("/api/auth/users").blames("missing_field", "uid");
    alice.get("/api/auth/users?uid=a&uid=b").blames("invalid_field", "uid");
}

#[test]
fn a_uid_can_be_changed_and_tokens_stay_valid() {
    let world = World::new();
    let (alice, _bob) = (world.person("alice_01"), world.person("bob_0001"));
    let change = |uid: &str| alice.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": uid}));
    change("alice_01").refused(400, "uid_unchanged");
    change("BOB_0001").refused(400, "uid_taken");
    change("1alice").blames("invalid_field", "new_uid");
    assert_answer!("change_uid", change("Alice_01").ok());
    change("alice_new").ok();
    assert_eq!(alice.get("/api/auth/me").ok().data()["uid"], "alice_new");
    alice.get("/api/auth/users?uid=alice_01").refused(400, "unknown_user");
}

#[test]
fn uid_changes_are_limited_by_a_setting() {
    let world = World::with(Options { uid_change_interval_days: Some(30), ..Options::default() });
    let alice = world.person("alice_01");
    let change = |uid: &str| alice.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": uid}));
    change("alice_02").ok();
    change("alice_03").refused(400, "uid_changed_too_recently");
    world.sql("UPDATE users SET uid_changed_at = uid_changed_at - interval '30 days'");
    change("alice_03").ok();
}

#[test]
fn concurrent_claims_of_one_uid_have_one_winner() {
    let world = World::new();
    let people: Vec<Person> = (0..20).map(|number| world.person(&format!("person_{number:02}"))).collect();
    let claims: Vec<_> = people
        .into_iter()
        .map(|person| {
            thread::spawn(move || person.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": "Wanted_1"})))
        })
        .collect();
    let replies: Vec<_> = claims.into_iter().map(|claim| claim.join().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(won.len(), 1);
    for reply in lost {
        reply.refused(400, "uid_taken");
    }
}

#[test]
fn tokens_of_an_erased_account_are_refused() {
    let world = World::new();
    let alice = world.person("alice_01");
    world.sql("UPDATE users SET state = 'disabled'");
    alice.get("/api/auth/me").refused(401, "session_ended");
    alice.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": "alice_02"})).refused(401, "session_ended");
    alice.with("PATCH", "/api/auth/me", &json!({"name": "n"})).refused(401, "session_ended");
}

#[test]
fn a_changed_nickname_is_visible_to_friends() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let rename = |body: &Value| alice.with("PATCH", "/api/auth/me", body);
    let renamed = rename(&json!({"name": " 小爱 🌸\u{3000}"})).ok();
    assert_answer!("rename", renamed);
    assert_eq!(renamed.data(), alice.get("/api/auth/me").ok().data());
    assert_eq!(bob.get("/api/auth/friendships").ok().data()[0]["friend_name"], "小爱 🌸");
    assert_eq!(bob.conversations()[0]["friend_name"], "小爱 🌸");
    assert_eq!(bob.get("/api/auth/users?uid=alice_01").ok().data()["name"], "小爱 🌸");
    for name in ["", " \u{3000}", "a\u{7}b", &"字".repeat(65)] {
        rename(&json!({ "name": name })).blames("invalid_field", "name");
    }
    let unchanged = alice.get("/api/auth/me").ok();
    assert_eq!(rename(&json!({})).ok().data(), unchanged.data());
    rename(&json!({"name": "字".repeat(64)})).ok();
}

#[test]
fn the_own_account_shows_pending_requests_and_unread_counts() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (carol, dave) = (world.person("carol_01"), world.person("dave_001"));
    carol.befriend(&bob);
    let waiting = || {
        let me = bob.get("/api/auth/me").ok();
        (me.data()["unread_total"].as_i64().unwrap(), me.data()["pending_requests"].as_i64().unwrap())
    };
    assert_eq!(waiting(), (0, 0));
    alice.say(&bob, "1");
    let second = alice.say(&bob, "2");
    carol.say(&bob, "3");
    bob.say(&carol, "own messages are never unread");
    let request = dave.ask(&bob).ok();
    assert_eq!(waiting(), (3, 1));
    alice.recall(&second).ok();
    let list = bob.conversations();
    let quiet = format!("/api/auth/conversations/{}", list[0]["conversation_id"].as_str().unwrap());
    bob.with("PATCH", &quiet, &json!({"muted": true})).ok();
    assert_eq!(waiting(), (2, 1), "muted conversations count, recalled messages do not");
    bob.with("PUT", &format!("{quiet}/read"), &json!({"seq": 9})).ok();
    bob.answer(request.data()["request_id"].as_str().unwrap(), "rejected").ok();
    assert_eq!(waiting(), (1, 0));
    dave.ask(&bob).ok();
    world.sql("UPDATE friendship_requests SET expires_at = created_at WHERE status = 'pending'");
    bob.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    assert_eq!(waiting(), (0, 0), "expired requests and cleared messages do not count");
}
