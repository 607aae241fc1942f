//! The gate of registration, and what names, uids and passwords cannot be.

use serde_json::json;
use server::config::{Options, RegistrationChoice};

use crate::support::{Person, Reply, World};

fn world(mode: RegistrationChoice) -> World {
    World::with(Options {
        registration: Some(mode),
        admin_bind: Some("127.0.0.1:0".parse().unwrap()),
        ..Options::default()
    })
}

fn register(world: &World, uid: &str, code: Option<&str>) -> Reply {
    let body = json!({"name": "雁", "uid": uid, "password": Person::PASSWORD, "invite_code": code});
    world.call("POST", "/api/register").json(&body).send()
}

fn hashes(world: &World) -> u64 {
    world.counter("hongyan_password_checks_total")
}

#[test]
fn a_closed_server_registers_no_account_and_hashes_no_password() {
    let world = world(RegistrationChoice::Closed);
    register(&world, "1bad", None).blames("invalid_field", "uid");
    register(&world, "goose_01", Some("any")).refused(409, "registration_closed");
    assert_eq!((world.count("users"), hashes(&world)), (0, 0));
}

/// Creates an invite directly, and returns its code.
fn invite(world: &World, code: &'static str, uses: u32) -> &'static str {
    world.sql(&format!(
        "INSERT INTO invites (id, code_hash, uses, created_at, expires_at)
         VALUES (left('{code}', 5), sha256('{code}'), {uses}, now(), now() + interval '1 hour')"
    ));
    code
}

#[test]
fn an_unknown_a_used_up_and_an_expired_invite_are_answered_alike() {
    let world = world(RegistrationChoice::Invite);
    let [good, used, expired] = ["abcdefghijkmnpqrstuv", "bbcdefghijkmnpqrstuv", "cbcdefghijkmnpqrstuv"]
        .map(|code| invite(&world, code, 1));
    world.sql("UPDATE invites SET expires_at = now() WHERE id LIKE 'c%'");
    register(&world, "goose_01", Some(used)).ok();
    let hashed = hashes(&world);
    let mut answers = Vec::new();
    for code in [None, Some(""), Some("any"), Some("dbcdefghijkmnpqrstuv"), Some(used), Some(expired)] {
        answers.push(register(&world, "goose_02", code).refused(400, "invite_unknown").text);
        register(&world, "goose_01", code).refused(400, "invite_unknown");
    }
    answers.dedup();
    assert_eq!((answers.len(), hashes(&world)), (1, hashed), "{answers:?}");
    register(&world, "goose_01", Some(good)).refused(400, "uid_taken");
    register(&world, "goose_02", Some("ABCDE-FGHIJ-KMNPQ-RSTUV")).ok();
    register(&world, "goose_03", Some(good)).refused(400, "invite_unknown");
    assert_eq!((world.count("users"), world.count("invites WHERE used = uses")), (2, 2));
}

#[test]
fn an_open_server_ignores_an_invite() {
    let world = world(RegistrationChoice::Open);
    register(&world, "goose_01", Some("any")).ok();
}

#[test]
fn a_reserved_uid_is_taken() {
    let world = World::new();
    let alice = world.person("alice_01");
    for uid in ["admin_01", "SystemUser", "weixin_1", "HongYan"] {
        register(&world, uid, None).refused(400, "uid_taken");
        alice.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": uid})).refused(400, "uid_taken");
    }
    let body = json!({"name": "雁", "password": Person::PASSWORD});
    world.call("POST", "/api/register").json(&body).send().ok();
}

#[test]
fn a_uid_that_was_given_up_stays_reserved_for_its_owner() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let change = |who: &Person, uid: &str| who.with("PATCH", "/api/auth/me/uid", &json!({"new_uid": uid}));
    change(&alice, "alice_02").ok();
    register(&world, "ALICE_01", None).refused(400, "uid_taken");
    change(&bob, "alice_01").refused(400, "uid_taken");
    bob.get("/api/auth/users?uid=alice_01").refused(400, "unknown_user");
    change(&alice, "alice_01").ok();
    change(&alice, "alice_02").ok();
    alice.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD})).ok();
    change(&bob, "alice_01").ok();
    register(&world, "alice_02", None).ok();
}

#[test]
fn a_name_that_poses_as_the_product_or_shows_nothing_is_refused() {
    let world = World::new();
    let (alice, _bob) = world.friends();
    for name in
        ["已注销", "Deleted account", "系统消息", "\u{3164}", "\u{200b}\u{2800}", "a\u{202e}b", "a\u{2028}b"]
    {
        let body = json!({"name": name, "password": Person::PASSWORD});
        world.call("POST", "/api/register").json(&body).send().blames("invalid_field", "name");
        alice.with("PATCH", "/api/auth/me", &json!({"name": name})).blames("invalid_field", "name");
    }
    let older = "Deleted account\u{202e}";
    world.sql(&format!("UPDATE users SET name = '{older}' WHERE uid = 'bob_0001'"));
    assert_eq!(
        alice.get("/api/auth/friendships").ok().data()[0]["friend_name"],
        older,
        "an older name is shown"
    );
}

#[test]
fn the_uid_or_the_name_is_not_a_password() {
    let world = World::new();
    for password in ["Goose_2026", "GOOSE_2026", "Ada Lovelace"] {
        let body = json!({"name": "Ada Lovelace", "uid": "goose_2026", "password": password});
        world.call("POST", "/api/register").json(&body).send().blames("invalid_field", "password");
    }
    let alice = world.person("alice_2026");
    let change = |old: &str| {
        let body = json!({"old_password": old, "new_password": "Alice_2026"});
        alice.with("PUT", "/api/auth/me/password", &body)
    };
    change(Person::PASSWORD).blames("invalid_field", "new_password");
    change("wrong password").refused(401, "invalid_credentials");
    alice.get("/api/auth/me").ok();
}
