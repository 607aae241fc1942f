//! Login throttling against password guessing.

use std::thread;

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{Call, Person, Reply, World};

fn by_uid(world: &World, uid: &str, password: &str) -> Reply {
    world.call("POST", "/api/login/uid").json(&json!({"uid": uid, "password": password})).send()
}

fn by_phone(world: &World, number: &str, password: &str) -> Reply {
    let body = json!({"phone_number": number, "password": password});
    world.call("POST", "/api/login/phone_number").json(&body).send()
}

/// Checks that the call is throttled and returns the `Retry-After` seconds.
#[track_caller]
fn wait(reply: Reply) -> u64 {
    let reply = reply.refused(429, "too_many_attempts");
    reply.header("Retry-After").unwrap().parse().unwrap()
}

/// A world whose metrics can be read.
fn measured_world() -> World {
    World::with(Options { admin_bind: Some("127.0.0.1:0".parse().unwrap()), ..Options::default() })
}

fn password_checks(world: &World) -> u64 {
    world.counter("hongyan_password_checks_total")
}

fn register(world: &World, uid: &str, phone: &str) {
    let body = json!({"name": "n", "uid": uid, "phone_number": phone, "password": Person::PASSWORD});
    world.call("POST", "/api/register").json(&body).send().ok();
}

/// Makes six attempts and returns the response texts.
fn six_guesses(guess: impl Fn() -> Reply) -> Vec<String> {
    let mut texts: Vec<_> = (0..5).map(|_| guess().refused(401, "invalid_credentials").text).collect();
    let sixth = guess();
    texts.push(sixth.text.clone());
    assert!((1..=5).contains(&wait(sixth)));
    texts
}

#[test]
fn the_sixth_failed_login_is_throttled_for_any_account() {
    let world = World::new();
    register(&world, "alice_01", "13800138000");
    register(&world, "disabled", "13800138001");
    world.sql("UPDATE users SET state = 'disabled' WHERE uid = 'disabled'");
    let known = six_guesses(|| by_uid(&world, "alice_01", "wrong password"));
    for uid in ["nobody_01", "disabled", "", "bad uid \u{0}", &"long".repeat(1000)] {
        assert_eq!(six_guesses(|| by_uid(&world, uid, "wrong password")), known, "{uid}");
    }
    for number in ["13800138000", "13800138001", "13900000000", "alice_01"] {
        assert_eq!(six_guesses(|| by_phone(&world, number, "wrong password")), known, "{number}");
    }
}

#[test]
fn a_login_checks_one_password_and_a_throttled_one_none() {
    let world = measured_world();
    register(&world, "alice_01", "13800138000");
    register(&world, "disabled", "13800138001");
    world.sql("UPDATE users SET state = 'disabled' WHERE uid = 'disabled'");
    let checks = |reply: &dyn Fn() -> Reply, status: u16| {
        let before = password_checks(&world);
        assert_eq!(reply().status, status);
        password_checks(&world) - before
    };
    for uid in ["alice_01", "nobody_01", "disabled", "", "bad uid"] {
        for _ in 0..5 {
            assert_eq!(checks(&|| by_uid(&world, uid, "wrong password"), 401), 1, "{uid}");
        }
        assert_eq!(checks(&|| by_uid(&world, uid, Person::PASSWORD), 429), 0, "{uid}");
    }
    for number in ["13800138000", "13800138001", "13900000000", "x"] {
        assert_eq!(checks(&|| by_phone(&world, number, "wrong password"), 401), 1, "{number}");
    }
    assert_eq!(checks(&|| by_phone(&world, "13800138000", Person::PASSWORD), 200), 1);
}

#[test]
fn the_delay_grows_on_all_instances_until_a_success() {
    let world = World::new();
    let other = world.second_instance();
    register(&world, "alice_01", "13800138000");
    let there = |password: &str| {
        let body = json!({"uid": "alice_01", "password": password});
        Call::new(other.address, "POST", "/api/login/uid").json(&body).send()
    };
    for _ in 0..5 {
        there("wrong password").refused(401, "invalid_credentials");
    }
    for longest in [5, 10, 20, 40, 80, 160, 320, 640, 900, 900] {
        let seconds = wait(by_uid(&world, "ALICE_01", "wrong password"));
        assert!(seconds <= longest && seconds > longest / 2, "{seconds} of {longest}");
        wait(there(Person::PASSWORD));
        world.skip_throttle_time(longest);
        by_uid(&world, "alice_01", "wrong password").refused(401, "invalid_credentials");
    }
    by_phone(&world, "13800138000", Person::PASSWORD).ok();
    world.skip_throttle_time(900);
    by_uid(&world, "alice_01", Person::PASSWORD).ok();
    six_guesses(|| by_uid(&world, "alice_01", "wrong password"));
}

#[test]
fn of_many_concurrent_guesses_five_are_checked() {
    let world = World::new();
    let other = world.second_instance();
    register(&world, "alice_01", "13800138000");
    let guesses: Vec<_> = (0..24)
        .map(|number| {
            let address = if number % 2 == 0 { world.address() } else { other.address };
            thread::spawn(move || {
                let body = json!({"uid": "alice_01", "password": format!("wrong password {number}")});
                Call::new(address, "POST", "/api/login/uid").json(&body).send().status
            })
        })
        .collect();
    let mut statuses: Vec<u16> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[401; 5].as_slice(), &[429; 19]].concat());
}

#[test]
fn wrong_old_passwords_are_throttled_apart_from_logins() {
    let world = measured_world();
    let alice = world.person("alice_01");
    let change = |old: &str| {
        let body = json!({"old_password": old, "new_password": "battery staple"});
        alice.with("PUT", "/api/auth/me/password", &body)
    };
    six_guesses(|| change("wrong password"));
    let before = password_checks(&world);
    wait(change(Person::PASSWORD));
    assert_eq!(password_checks(&world), before);
    by_uid(&world, "alice_01", Person::PASSWORD).ok();
    world.skip_throttle_time(5);
    change(Person::PASSWORD).ok();
}

/// One attempt with an `X-Forwarded-For` header, each for another account.
fn from_address(world: &World, number: usize, forwarded: &str) -> Reply {
    let body: Value = json!({"uid": format!("nobody_{number:03}"), "password": "wrong password"});
    world.call("POST", "/api/login/uid").header("X-Forwarded-For", forwarded).json(&body).send()
}

#[test]
fn an_address_behind_a_trusted_proxy_is_throttled_after_60() {
    let trusted_proxies = Some(vec!["127.0.0.0/8".to_owned()]);
    let world = World::with(Options { trusted_proxies, ..Options::default() });
    for number in 0..60 {
        // Only the right-most address that is not a trusted proxy counts; the client may invent those before it.
        let forwarded = format!("198.51.100.{number}, 2001:db8:1:2::{number}, 127.0.0.2");
        from_address(&world, number, &forwarded).refused(401, "invalid_credentials");
    }
    assert!(wait(from_address(&world, 60, "2001:db8:1:2:3:4:5:6")) <= 10);
    from_address(&world, 61, "2001:db8:1:3::1").refused(401, "invalid_credentials");
    from_address(&world, 62, "198.51.100.1").refused(401, "invalid_credentials");
    world.skip_throttle_time(10);
    from_address(&world, 60, "2001:db8:1:2::1").refused(401, "invalid_credentials");
}

#[test]
fn loopback_and_unconfigured_proxies_are_not_throttled() {
    let world = World::new();
    for number in 0..65 {
        from_address(&world, number, "198.51.100.1").refused(401, "invalid_credentials");
    }
    assert_eq!(world.count("login_throttles"), 65, "each attempt is counted by login identifier only");
}
