//! Listing and ending sessions, and password changes, which end all other sessions.

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{Call, Person, World, assert_answer, eventually};

/// Logs the same user in a second time.
fn log_in(person: &Person, device: &str) -> Person {
    let body = json!({"uid": person.uid, "password": Person::PASSWORD});
    let call = Call::new(person.address, "POST", "/api/login/uid").header("User-Agent", device).json(&body);
    Person::from_login(person.address, call.send().ok().data())
}

fn sessions(person: &Person) -> Vec<Value> {
    person.get("/api/auth/sessions").ok().data().as_array().unwrap().clone()
}

#[test]
fn a_login_beyond_the_limit_ends_the_oldest_session_everywhere() {
    let limited = || Options { sessions_per_account: Some(2), ..Options::default() };
    let world = World::with(limited());
    let other = world.second_instance_with(limited());
    let alice = world.person("alice_01");
    let phone = log_in(&alice, "Phone");
    alice.get("/api/auth/me").ok();
    let tablet = log_in(&alice, "Tablet");
    alice.get("/api/auth/me").refused(401, "session_ended");
    let renew = Call::new(alice.address, "POST", "/auth/refresh_token").bearer(&alice.refresh_token);
    renew.send().refused(401, "session_ended");
    eventually("the other instance never learns of it", || {
        alice.at(other.address).get("/api/auth/me").status == 401
    });
    assert_eq!(sessions(&phone).len(), 2);
    tablet.get("/api/auth/me").ok();
}

fn current(person: &Person) -> String {
    let sessions = sessions(person);
    let mut current = sessions.iter().filter(|session| session["current"] == true);
    let id = current.next().unwrap()["session_id"].as_str().unwrap().to_owned();
    assert!(current.next().is_none(), "{sessions:?}");
    id
}

fn end(person: &Person, session: &str) -> crate::support::Reply {
    person.delete(&format!("/api/auth/sessions/{session}"))
}

fn change(person: &Person, old: &str, new: &str) -> crate::support::Reply {
    person.with("PUT", "/api/auth/me/password", &json!({"old_password": old, "new_password": new}))
}

fn is_over(person: &Person) {
    person.get("/api/auth/me").refused(401, "session_ended");
    let refresh = || Call::new(person.address, "POST", "/auth/refresh_token").bearer(&person.refresh_token);
    refresh().send().refused(401, "session_ended");
}

#[test]
fn sessions_are_listed_newest_first_and_the_callers_is_marked() {
    let world = World::new();
    world.person("bob_0001");
    let alice = world.person("alice_01");
    let phone = log_in(&alice, " Phone \t");
    let tablet = log_in(&alice, "Tablet");
    assert_answer!("sessions", phone.get("/api/auth/sessions").ok());
    let names = |person: &Person| {
        let sessions = sessions(person);
        sessions.iter().map(|session| session["device_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&tablet)[..2], ["Tablet", "Phone"]);
    tablet.post("/api/auth/logout", &json!({})).ok();
    assert_eq!((names(&phone).len(), &names(&phone)[0][..]), (2, "Phone"));
    world.sql(
        "UPDATE sessions SET last_used_at = last_used_at - interval '7 days' WHERE device_name <> 'Phone'",
    );
    assert_eq!(names(&phone), ["Phone"], "the other session has expired");
}

#[test]
fn many_sessions_are_paged() {
    let world = World::new();
    let alice = world.person("alice_01");
    for _ in 0..4 {
        log_in(&alice, "Phone");
    }
    let all: Vec<Value> = sessions(&alice);
    let (mut paged, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = alice.get(&format!("/api/auth/sessions{query}")).ok();
        paged.extend(page.data().as_array().unwrap().clone());
        match page.json["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((paged.len(), paged), (5, all));
    alice.get("/api/auth/sessions?limit=0").blames("invalid_field", "limit");
    alice.get("/api/auth/sessions?limit=1001").blames("invalid_field", "limit");
    alice.get("/api/auth/sessions?cursor=x").blames("invalid_field", "cursor");
}

#[test]
fn only_the_callers_own_sessions_can_be_ended() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let phone = log_in(&alice, "Phone");
    let (ended, bobs) = (current(&phone), current(&bob));
    assert_answer!("end_session", end(&alice, &ended).ok());
    is_over(&phone);
    // Ended, foreign and unknown sessions are answered alike.
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let texts = [&ended, &bobs, unknown].map(|id| end(&alice, id).refused(400, "unknown_session").text);
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    end(&alice, "x").blames("invalid_field", "session_id");
    bob.get("/api/auth/me").ok();
    end(&alice, &current(&alice)).ok();
    is_over(&alice);
}

#[test]
fn all_sessions_except_the_callers_can_be_ended() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let (phone, tablet) = (log_in(&alice, "Phone"), log_in(&alice, "Tablet"));
    assert_answer!("end_other_sessions", phone.delete("/api/auth/sessions").ok());
    is_over(&alice);
    is_over(&tablet);
    assert_eq!(sessions(&phone).len(), 1);
    phone.delete("/api/auth/sessions").ok();
    phone.get("/api/auth/me").ok();
    bob.get("/api/auth/me").ok();
}

#[test]
fn a_session_that_ends_on_one_instance_is_refused_on_another_soon() {
    let world = World::new();
    let other = world.second_instance();
    let alice = world.person("alice_01");
    let phone = log_in(&alice, "Phone").at(other.address);
    phone.get("/api/auth/me").ok();
    alice.delete("/api/auth/sessions").ok();
    // Refreshing reads the database, so the session is over on every instance at once.
    let refresh = || Call::new(phone.address, "POST", "/auth/refresh_token").bearer(&phone.refresh_token);
    refresh().send().refused(401, "session_ended");
    eventually("the other instance never learns of it", || phone.get("/api/auth/me").status == 401);
    is_over(&phone);
    alice.at(other.address).get("/api/auth/me").ok();
}

#[test]
fn sessions_of_a_disabled_account_are_refused_until_it_is_enabled() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    world.sql("UPDATE users SET state = 'disabled' WHERE uid = 'alice_01'");
    for address in [world.address(), other.address] {
        let alice = alice.at(address);
        eventually("the session is never refused", || alice.get("/api/auth/sessions").status == 401);
        is_over(&alice);
        bob.at(address).get("/api/auth/me").ok();
    }
    world.sql("UPDATE users SET state = 'active'");
    eventually("the session is never accepted again", || alice.get("/api/auth/sessions").status == 200);
    Call::new(alice.address, "POST", "/auth/refresh_token").bearer(&alice.refresh_token).send().ok();
}

#[test]
fn an_instance_with_stale_revocations_checks_each_call() {
    let world = World::new();
    let alice = world.person("alice_01");
    let phone = log_in(&alice, "Phone");
    // The polling thread's query fails from here on; the query of a single call does not.
    world.sql("ALTER TABLE sessions RENAME COLUMN last_used_at TO away");
    let deaf = world.second_instance();
    alice.at(deaf.address).get("/api/auth/me").ok();
    phone.at(deaf.address).get("/api/auth/me").ok();
    phone.post("/api/auth/logout", &json!({})).ok();
    phone.at(deaf.address).get("/api/auth/me").refused(401, "session_ended");
    // If that query fails too, the call is refused.
    world.hold_lock("LOCK TABLE sessions", || {
        let reply = alice.at(deaf.address).get("/api/openapi.json");
        assert_eq!(reply.status, 200, "calls without a session are served");
        alice.at(deaf.address).get("/api/auth/me").refused(503, "unavailable");
    });
    alice.at(deaf.address).get("/api/auth/me").ok();
}

#[test]
fn changing_the_password_renews_tokens_and_ends_other_sessions() {
    const NEW: &str = "清风徐来 水波不兴";
    let world = World::new();
    let alice = world.person("alice_01");
    let phone = log_in(&alice, "Phone");
    let session = current(&phone);
    let reply = change(&phone, Person::PASSWORD, NEW).ok();
    assert_answer!("change_password", reply);
    is_over(&alice);
    let token = |name: &str| reply.data()[name].as_str().unwrap().to_owned();
    let renewed = Person { token: token("token"), refresh_token: token("refresh_token"), ..phone.clone() };
    assert_eq!(current(&renewed), session, "the session continues");
    let refresh = |token: &str| Call::new(phone.address, "POST", "/auth/refresh_token").bearer(token).send();
    refresh(&phone.refresh_token).refused(409, "refresh_token_reused");
    refresh(&renewed.refresh_token).ok();
    let login = |password: &str| {
        world.call("POST", "/api/login/uid").json(&json!({"uid": "alice_01", "password": password})).send()
    };
    login(Person::PASSWORD).refused(401, "invalid_credentials");
    login(NEW).ok();
}

#[test]
fn changing_the_password_needs_the_old_one_and_a_valid_new_one() {
    let world = World::new();
    let alice = world.person("alice_01");
    change(&alice, "wrong password", "battery staple").refused(401, "invalid_credentials");
    change(&alice, "", "battery staple").refused(401, "invalid_credentials");
    for new in ["short", "Liverpool1", "ｐａｓｓｗｏｒｄ", "5201314520", &"x1".repeat(65)] {
        change(&alice, Person::PASSWORD, new).blames("invalid_field", "new_password");
    }
    let body = json!({"old_password": Person::PASSWORD});
    alice.with("PUT", "/api/auth/me/password", &body).blames("missing_field", "new_password");
    alice.get("/api/auth/me").ok();
    change(&alice, Person::PASSWORD, Person::PASSWORD).ok();
}
