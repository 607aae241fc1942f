//! Known devices: strangers' wrong passwords never delay a login from where the account has logged in lately.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use server::config::Options;

use crate::support::{Call, Person, Reply, World};

const HOME: &str = "192.0.2.7";
const ABROAD: &str = "198.51.100.1";
const PHONE: &str = "the-secret-of-the-phone";

/// A world that believes `X-Forwarded-For`.
fn world() -> World {
    let trusted_proxies = Some(vec!["127.0.0.0/8".to_owned()]);
    World::with(Options { trusted_proxies, ..Options::default() })
}

fn register(world: &World, uid: &str, address: &str) -> Person {
    let body = json!({"name": uid, "uid": uid, "password": Person::PASSWORD});
    let call = world.call("POST", "/api/register").header("X-Forwarded-For", address);
    Person::from_login(world.address(), call.json(&body).send().ok().data())
}

fn log_in(call: Call, uid: &str, password: &str) -> Reply {
    call.json(&json!({"uid": uid, "password": password})).send()
}

fn from(world: &World, address: &str) -> Call {
    world.call("POST", "/api/login/uid").header("X-Forwarded-For", address)
}

fn guess(world: &World, uid: &str, address: &str) -> Reply {
    log_in(from(world, address), uid, "wrong password")
}

fn slow_down(world: &World, uid: &str, address: &str) {
    for _ in 0..5 {
        guess(world, uid, address).refused(401, "invalid_credentials");
    }
    guess(world, uid, address).refused(429, "too_many_attempts");
}

#[test]
fn strangers_slow_a_login_down_but_never_the_owners_at_a_known_device() {
    let world = world();
    let other = world.second_instance_with(Options {
        trusted_proxies: Some(vec!["127.0.0.0/8".to_owned()]),
        ..Options::default()
    });
    register(&world, "alice_01", HOME);
    log_in(from(&world, ABROAD).header("Device-Id", PHONE), "alice_01", Person::PASSWORD).ok();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0..250).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let status = guess(&world, "alice_01", &format!("203.0.113.{number}")).status;
                assert!(status == 401 || status == 429, "{status}");
                std::thread::sleep(Duration::from_millis(45));
            }
        });
        let begun = Instant::now();
        let mut number = 0;
        while begun.elapsed() < Duration::from_secs(8) {
            number += 1;
            log_in(from(&world, HOME), "ALICE_01", Person::PASSWORD).ok();
            let there = Call::new(other.address, "POST", "/api/login/uid").header("X-Forwarded-For", HOME);
            log_in(there, "alice_01", Person::PASSWORD).ok();
            let roaming = from(&world, &format!("203.0.114.{}", number % 250)).header("Device-Id", PHONE);
            log_in(roaming, "alice_01", Person::PASSWORD).ok();
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
    });
    guess(&world, "alice_01", "203.0.113.251").refused(429, "too_many_attempts");
}

#[test]
fn a_known_address_is_known_by_uid_and_by_phone_number_until_it_ages_out() {
    let world = world();
    let body =
        json!({"name": "n", "uid": "alice_01", "phone_number": "13800138000", "password": Person::PASSWORD});
    world.call("POST", "/api/register").header("X-Forwarded-For", HOME).json(&body).send().ok();
    let by_phone = |address: &str, password: &str| {
        let body = json!({"phone_number": "13800138000", "password": password});
        world.call("POST", "/api/login/phone_number").header("X-Forwarded-For", address).json(&body).send()
    };
    slow_down(&world, "alice_01", ABROAD);
    for _ in 0..5 {
        by_phone(ABROAD, "wrong password").refused(401, "invalid_credentials");
    }
    by_phone(ABROAD, Person::PASSWORD).refused(429, "too_many_attempts");
    by_phone(HOME, Person::PASSWORD).ok();
    log_in(from(&world, HOME), "alice_01", Person::PASSWORD).ok();
    world.sql("UPDATE known_devices SET logged_in_at = logged_in_at - interval '120 days'");
    log_in(from(&world, HOME), "alice_01", Person::PASSWORD).refused(429, "too_many_attempts");
}

#[test]
fn a_device_is_known_by_its_id_where_addresses_say_nothing() {
    let world = World::new();
    let call = || world.call("POST", "/api/login/uid");
    let register = world.call("POST", "/api/register").header("Device-Id", PHONE);
    let body = json!({"name": "n", "uid": "alice_01", "password": Person::PASSWORD});
    register.json(&body).send().ok();
    for _ in 0..5 {
        log_in(call(), "alice_01", "wrong password").refused(401, "invalid_credentials");
    }
    log_in(call(), "alice_01", Person::PASSWORD).refused(429, "too_many_attempts");
    let other = call().header("Device-Id", "another-secret-of-a-phone");
    log_in(other, "alice_01", Person::PASSWORD).refused(429, "too_many_attempts");
    log_in(call().header("Device-Id", PHONE), "alice_01", Person::PASSWORD).ok();
    // Guesses from the device itself are counted as well.
    for _ in 0..5 {
        let reply = log_in(call().header("Device-Id", PHONE), "alice_01", "wrong password");
        reply.refused(401, "invalid_credentials");
    }
    let reply = log_in(call().header("Device-Id", PHONE), "alice_01", Person::PASSWORD);
    assert!(reply.refused(429, "too_many_attempts").header("Retry-After").is_some());
}

#[test]
fn guesses_from_a_known_address_are_answered_as_for_an_unknown_account() {
    let world = world();
    register(&world, "alice_01", HOME);
    let answers =
        |uid: &str, address: &str| (0..6).map(|_| guess(&world, uid, address).text).collect::<Vec<_>>();
    let known = answers("alice_01", HOME);
    assert_eq!(answers("nobody_01", HOME), known);
    assert_eq!(answers("alice_01", ABROAD), known, "strangers begin with five attempts of their own");
    assert_eq!(answers("nobody_02", ABROAD), known);
}

#[test]
fn failures_of_neighbours_do_not_hold_up_an_account_known_there() {
    let world = world();
    register(&world, "alice_01", HOME);
    for number in 0..60 {
        guess(&world, &format!("nobody_{number:03}"), HOME).refused(401, "invalid_credentials");
    }
    guess(&world, "nobody_060", HOME).refused(429, "too_many_attempts");
    log_in(from(&world, HOME), "alice_01", Person::PASSWORD).ok();
}

#[test]
fn the_right_password_on_another_session_is_not_held_up_by_a_thiefs_guesses() {
    let world = World::new();
    let alice = world.person("alice_01");
    let body = json!({"uid": "alice_01", "password": Person::PASSWORD});
    let login = world.call("POST", "/api/login/uid").json(&body).send().ok();
    let thief = Person::from_login(world.address(), login.data());
    let change = |person: &Person, old: &str| {
        let body = json!({"old_password": old, "new_password": "battery staple"});
        person.with("PUT", "/api/auth/me/password", &body)
    };
    for _ in 0..3 {
        change(&thief, "wrong password").refused(401, "invalid_credentials");
    }
    for _ in 0..2 {
        let erase = thief.with("DELETE", "/api/auth/me", &json!({"password": "wrong password"}));
        erase.refused(401, "invalid_credentials");
    }
    change(&thief, Person::PASSWORD).refused(429, "too_many_attempts");
    let erase = thief.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD}));
    erase.refused(429, "too_many_attempts");
    change(&alice, Person::PASSWORD).ok();
}

#[test]
fn an_erased_account_leaves_no_known_device() {
    let world = world();
    let alice = register(&world, "alice_01", HOME);
    assert_eq!(world.count("known_devices"), 1);
    alice.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD})).ok();
    assert_eq!(world.count("known_devices"), 0);
}

#[test]
fn a_device_id_that_is_too_short_is_refused_by_name() {
    let world = World::new();
    for path in ["/api/register", "/api/login/uid", "/api/login/phone_number"] {
        let call = world.call("POST", path).header("Device-Id", "short").json(&json!({}));
        call.send().blames("invalid_field", "Device-Id");
    }
}
