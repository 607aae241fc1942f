//! Tokens: refresh, reuse, theft, logout, forgeries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use domain::auth::{AccessClaims, Generation, RefreshClaims, TokenCodec};
use domain::clock::Clock;
use domain::id::{SessionId, UserId};
use domain::testing::at;
use infra::clock::SystemClock;
use infra::crypto::token::JwtCodec;
use secrecy::ExposeSecret;
use serde_json::json;
use server::config::Options;

use crate::support::{Call, Person, Reply, SECRET, World, assert_answer};

/// Refreshes on either of the two paths in turn.
pub(crate) fn refresh(person: &Person, token: &str) -> Reply {
    static TURN: AtomicBool = AtomicBool::new(false);
    let path =
        if TURN.fetch_not(Ordering::Relaxed) { "/auth/refresh_token" } else { "/api/auth/refresh_token" };
    Call::new(person.address, "POST", path).bearer(token).send()
}

pub(crate) fn token_of(reply: &Reply, name: &str) -> String {
    reply.data()[name].as_str().unwrap().to_owned()
}

#[test]
fn refreshing_returns_new_tokens_on_both_paths() {
    let world = World::new();
    let alice = world.person("alice_01");
    let reply =
        Call::new(alice.address, "POST", "/auth/refresh_token").bearer(&alice.refresh_token).send().ok();
    assert_answer!("refresh", reply);
    let next = Person { token: token_of(&reply, "token"), ..alice.clone() };
    next.get("/api/auth/me").ok();
    refresh(&alice, &token_of(&reply, "refresh_token")).ok();
    refresh(&alice, &alice.refresh_token).refused(409, "refresh_token_reused");
}

#[test]
fn a_refresh_needs_a_valid_token() {
    let world = World::new();
    let alice = world.person("alice_01");
    for path in ["/auth/refresh_token", "/api/auth/refresh_token"] {
        let call = || Call::new(alice.address, "POST", path);
        call().send().refused(400, "missing_refresh_token");
        call().header("Authorization", "Bearer ").send().refused(400, "missing_refresh_token");
        call().header("Authorization", "Basic x").send().refused(400, "missing_refresh_token");
        for token in
            ["x", &alice.token, &"x".repeat(5000), &alice.refresh_token[..alice.refresh_token.len() - 2]]
        {
            call().bearer(token).send().refused(401, "invalid_token");
        }
        refresh_expired(&alice, path);
    }
    refresh(&alice, &alice.refresh_token).ok();
}

fn refresh_expired(person: &Person, path: &str) {
    let codec = JwtCodec::new(&SECRET.into(), None).unwrap();
    let claims = RefreshClaims {
        user_id: UserId::parse(&person.id).unwrap(),
        session_id: SessionId::from_uuid(uuid::Uuid::nil()),
        generation: Generation::FIRST,
        issued_at: at(-1_000_000_000),
        expires_at: at(-999_999_999),
    };
    let token = codec.sign_refresh(&claims).unwrap();
    let call = Call::new(person.address, "POST", path).bearer(token.expose_secret());
    call.send().refused(401, "token_expired");
}

#[test]
fn concurrent_refreshes_have_one_winner_and_keep_the_session() {
    let world = World::new();
    let other = world.second_instance();
    let alice = Arc::new(world.person("alice_01"));
    let tries: Vec<_> = (0..20)
        .map(|number| {
            let address = if number % 2 == 0 { world.address() } else { other.address };
            let alice = alice.at(address);
            thread::spawn(move || refresh(&alice, &alice.refresh_token))
        })
        .collect();
    let replies: Vec<_> = tries.into_iter().map(|thread| thread.join().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for reply in lost {
        reply.refused(409, "refresh_token_reused");
    }
    refresh(&alice, &token_of(&won[0], "refresh_token")).ok();
}

#[test]
fn reuse_of_a_refresh_token_after_the_grace_ends_the_session() {
    let world = World::new();
    let alice = world.person("alice_01");
    let second = refresh(&alice, &alice.refresh_token).ok();
    let third = refresh(&alice, &token_of(&second, "refresh_token")).ok();
    let late = "UPDATE sessions SET rotations = (SELECT array_agg(r - interval '11 seconds' ORDER BY r DESC)
                FROM unnest(rotations) r)";
    world.sql(late);
    // Two generations back, to show that any old token counts as theft.
    refresh(&alice, &alice.refresh_token).refused(409, "refresh_token_reused");
    refresh(&alice, &token_of(&third, "refresh_token")).refused(401, "session_ended");
    let third = Person { token: token_of(&third, "token"), ..alice };
    third.get("/api/auth/me").refused(401, "session_ended");
    assert_eq!(world.count("sessions WHERE end_reason = 'refresh_token_theft'"), 1);
}

#[test]
fn reuse_of_a_refresh_token_within_the_grace_is_harmless() {
    let world = World::new();
    let alice = world.person("alice_01");
    let second = refresh(&alice, &alice.refresh_token).ok();
    let third = refresh(&alice, &token_of(&second, "refresh_token")).ok();
    for path in ["/auth/refresh_token", "/api/auth/refresh_token"] {
        for token in [&alice.refresh_token, &token_of(&second, "refresh_token")] {
            Call::new(alice.address, "POST", path).bearer(token).send().refused(409, "refresh_token_reused");
        }
    }
    refresh(&alice, &token_of(&third, "refresh_token")).ok();
}

#[test]
fn tokens_of_the_previous_secret_are_valid_until_renewed() {
    const PREVIOUS: &str = "the secret of before, of more than 32 bytes";
    let world = World::with(Options { jwt_previous_secret: Some(PREVIOUS.into()), ..Options::default() });
    let alice = world.person("alice_01");
    let codec = |secret: &str| JwtCodec::new(&secret.into(), None).unwrap();
    let resigned = |secret: &str| {
        let (from, to) = (codec(SECRET), codec(secret));
        let now = SystemClock.now();
        let access = to.sign_access(&from.read_access(&alice.token, now).unwrap()).unwrap();
        let refresh = to.sign_refresh(&from.read_refresh(&alice.refresh_token, now).unwrap()).unwrap();
        Person {
            token: access.expose_secret().to_owned(),
            refresh_token: refresh.expose_secret().to_owned(),
            ..alice.clone()
        }
    };
    let unknown = resigned("a secret that was never configured");
    unknown.get("/api/auth/me").refused(401, "invalid_token");
    refresh(&unknown, &unknown.refresh_token).refused(401, "invalid_token");
    let before = resigned(PREVIOUS);
    before.get("/api/auth/me").ok();
    let renewed = refresh(&before, &before.refresh_token).ok();
    assert!(codec(SECRET).read_access(&token_of(&renewed, "token"), SystemClock.now()).is_ok());
    assert!(codec(PREVIOUS).read_access(&token_of(&renewed, "token"), SystemClock.now()).is_err());
}

#[test]
fn no_token_outlives_its_session() {
    let world = World::with(Options { session_max_seconds: Some(100), ..Options::default() });
    let alice = world.person("alice_01");
    world.sql("UPDATE sessions SET created_at = created_at - interval '40 s'");
    let renewed = refresh(&alice, &alice.refresh_token).ok();
    let left = renewed.data()["expires_in"].as_u64().unwrap();
    assert!((50..=60).contains(&left), "{left}");
}

#[test]
fn a_session_has_a_maximum_lifetime() {
    let world = World::new();
    let alice = world.person("alice_01");
    world.sql("UPDATE sessions SET created_at = created_at - interval '90 days' - interval '1 second'");
    refresh(&alice, &alice.refresh_token).refused(401, "session_ended");
}

#[test]
fn logging_out_ends_only_the_current_session() {
    let world = World::new();
    let alice = world.person("alice_01");
    let login = json!({"uid": "alice_01", "password": Person::PASSWORD});
    let phone = world.call("POST", "/api/login/uid").json(&login).send().ok();
    let phone = Person::from_login(world.address(), phone.data());
    assert_answer!("logout", alice.post("/api/auth/logout", &json!({})).ok());
    alice.get("/api/auth/me").refused(401, "session_ended");
    for path in ["/auth/refresh_token", "/api/auth/refresh_token"] {
        let again = Call::new(alice.address, "POST", path).bearer(&alice.refresh_token).send();
        again.refused(401, "session_ended");
    }
    phone.get("/api/auth/me").ok();
    refresh(&phone, &phone.refresh_token).ok();
}

#[test]
fn a_disabled_account_can_neither_log_in_nor_refresh() {
    let world = World::new();
    let alice = world.person("alice_01");
    world.sql("UPDATE users SET state = 'disabled'");
    let login = json!({"uid": "alice_01", "password": Person::PASSWORD});
    world.call("POST", "/api/login/uid").json(&login).send().refused(401, "invalid_credentials");
    refresh(&alice, &alice.refresh_token).refused(401, "session_ended");
}

/// Every documented route that needs a token, with arbitrary ids in its path.
fn guarded_routes(world: &World) -> Vec<(String, String)> {
    let document = world.call("GET", "/api/openapi.json").send().json;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"].to_string().contains("\"token\"") {
                let path = path.replace(['{', '}'], "");
                routes.push((method.to_uppercase(), path));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

#[test]
fn every_protected_route_checks_the_token_first() {
    let world = World::new();
    let alice = world.person("alice_01");
    let codec = JwtCodec::new(&SECRET.into(), None).unwrap();
    let expired = codec.sign_access(&AccessClaims {
        user_id: UserId::parse(&alice.id).unwrap(),
        session_id: SessionId::from_uuid(uuid::Uuid::nil()),
        issued_at: at(-1_000_000_000),
        expires_at: at(-999_999_999),
    });
    let expired = expired.unwrap();
    let ended = world.person("ended_01");
    ended.post("/api/auth/logout", &json!({})).ok();
    for (method, path) in guarded_routes(&world) {
        // A body that is not JSON shows that the token is checked first.
        let call = || world.call(&method, &path).bytes(b"{");
        call().send().refused(401, "missing_token");
        call().header("Authorization", "Bearer").send().refused(401, "missing_token");
        call().bearer("x.y.z").send().refused(401, "invalid_token");
        call().bearer(&alice.refresh_token).send().refused(401, "invalid_token");
        call().bearer(expired.expose_secret()).send().refused(401, "token_expired");
        call().bearer(&ended.token).send().refused(401, "session_ended");
    }
}
