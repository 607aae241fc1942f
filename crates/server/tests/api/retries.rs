//! Refreshing with an `Idempotency-Key`, for clients that lost the response.

use std::thread;

use serde_json::json;

use crate::sessions::{refresh, token_of};
use crate::support::{Call, Person, Reply, World};

/// Refreshes with this idempotency key.
fn retry(person: &Person, path: &str, token: &str, key: &str) -> Reply {
    Call::new(person.address, "POST", path).bearer(token).header("Idempotency-Key", key).send()
}

#[test]
fn a_refresh_retry_gets_the_same_tokens_on_every_instance() {
    let world = World::new();
    let other = world.second_instance();
    let alice = world.person("alice_01");
    let paths = ["/auth/refresh_token", "/api/auth/refresh_token"];
    let first = retry(&alice, paths[0], &alice.refresh_token, "try-1").ok();
    for path in paths {
        for address in [world.address(), other.address] {
            let again = retry(&alice.at(address), path, &alice.refresh_token, "try-1").ok();
            for token in ["token", "refresh_token"] {
                assert_eq!(again.data()[token], first.data()[token]);
            }
            let left = again.data()["expires_in"].as_u64().unwrap();
            assert!((500..=600).contains(&left), "{left}");
        }
        retry(&alice, path, &alice.refresh_token, "try-2").refused(409, "refresh_token_reused");
    }
    let second = retry(&alice, paths[0], &token_of(&first, "refresh_token"), "try-1").ok();
    assert_ne!(second.data()["refresh_token"], first.data()["refresh_token"]);
    for path in paths {
        // The successor was used, so this token is an old one like any other.
        retry(&alice, path, &alice.refresh_token, "try-1").refused(409, "refresh_token_reused");
    }
    alice.post("/api/auth/logout", &json!({})).ok();
    for path in paths {
        let token = token_of(&first, "refresh_token");
        retry(&alice, path, &token, "try-1").refused(401, "session_ended");
    }
}

#[test]
fn a_refresh_retry_after_a_minute_counts_as_theft() {
    let world = World::new();
    let alice = world.person("alice_01");
    let path = "/auth/refresh_token";
    let back = |seconds: u32| {
        world.sql(&format!(
            "UPDATE sessions SET rotations = (SELECT array_agg(r - interval '{seconds} s' ORDER BY r DESC)
               FROM unnest(rotations) r)"
        ));
    };
    let first = retry(&alice, path, &alice.refresh_token, "try-1").ok();
    back(50);
    let again = retry(&alice, path, &alice.refresh_token, "try-1").ok();
    let left = again.data()["expires_in"].as_u64().unwrap();
    assert!((500..=550).contains(&left), "{left}");
    back(11);
    retry(&alice, path, &alice.refresh_token, "try-1").refused(409, "refresh_token_reused");
    retry(&alice, path, &token_of(&first, "refresh_token"), "x").refused(401, "session_ended");
}

#[test]
fn a_malformed_key_is_reported_after_the_token_is_checked() {
    let world = World::new();
    let alice = world.person("alice_01");
    for path in ["/auth/refresh_token", "/api/auth/refresh_token"] {
        for key in ["", "a b", &"k".repeat(129)] {
            retry(&alice, path, &alice.refresh_token, key).blames("invalid_field", "Idempotency-Key");
            retry(&alice, path, "x", key).refused(401, "invalid_token");
        }
    }
    refresh(&alice, &alice.refresh_token).ok();
}

#[test]
fn of_concurrent_keyed_refreshes_one_wins_with_its_retries() {
    let world = World::new();
    let other = world.second_instance();
    let alice = world.person("alice_01");
    let tries: Vec<_> = (0..20)
        .map(|number| {
            let alice = alice.at(if number % 2 == 0 { world.address() } else { other.address });
            let key = format!("tab-{}", number % 4);
            thread::spawn(move || (retry(&alice, "/auth/refresh_token", &alice.refresh_token, &key), key))
        })
        .collect();
    let replies: Vec<_> = tries.into_iter().map(|thread| thread.join().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|(reply, _)| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (5, 15));
    for (reply, key) in &won {
        assert_eq!(*key, won[0].1);
        assert_eq!(token_of(reply, "token"), token_of(&won[0].0, "token"));
        assert_eq!(token_of(reply, "refresh_token"), token_of(&won[0].0, "refresh_token"));
    }
    for (reply, _) in lost {
        reply.refused(409, "refresh_token_reused");
    }
    refresh(&alice, &token_of(&won[0].0, "refresh_token")).ok();
}
