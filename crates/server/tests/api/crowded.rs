//! More requests than connections to the database, and clients that hang up.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{Person, World};

#[test]
fn whoever_finds_no_free_connection_is_told_to_come_again_and_nobody_waits_for_ever() {
    let world = World::with(Options { db_pool_size: Some(2), ..Options::default() });
    let alice = world.person("alice_01");
    world.hold_lock("LOCK TABLE users IN ACCESS EXCLUSIVE MODE", || {
        // All are answered while the lock is held, which is until the last of them is.
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| {
                    let reply = alice.get("/api/auth/me").refused(503, "unavailable");
                    assert!(reply.header("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
                });
            }
            world.call("GET", "/healthz").send().ok();
        });
    });
    alice.get("/api/auth/me").ok();
}

/// The n-th of the messages that are sent, and cut off, again and again.
fn message(receiver: &Person, number: usize) -> Value {
    let key = format!("key-{number}");
    json!({"receiver_id": receiver.id, "content": format!("第 {number} 条"), "client_message_id": key})
}

/// Sends a message up to some byte, from nothing at all to the last one, and hangs up.
fn hang_up(world: &World, alice: &Person, bob: &Person, number: usize) {
    let body = message(bob, number).to_string();
    let head = format!(
        "POST /api/auth/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        alice.token,
        body.len()
    );
    let request = [head.as_bytes(), body.as_bytes()].concat();
    // Where it is cut is spread over the request as at random, but the same in every run.
    let somewhere = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let cut = if number.is_multiple_of(3) { request.len() } else { somewhere % request.len() };
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.write_all(&request[..cut]).unwrap();
}

#[test]
fn who_hangs_up_amid_a_request_has_sent_all_or_nothing() {
    const TRIES: usize = 10_000;
    const CROWD: usize = 8;
    let world = World::new();
    let (alice, bob) = world.friends();
    let all_of_them = |act: &(dyn Fn(usize) + Sync)| {
        std::thread::scope(|scope| {
            for first in 0..CROWD {
                scope.spawn(move || (first..TRIES).step_by(CROWD).for_each(act));
            }
        });
    };
    all_of_them(&|number| hang_up(&world, &alice, &bob, number));
    let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
        AND state_change < clock_timestamp() - interval '2 seconds'";
    assert_eq!(world.count(open), 0);
    all_of_them(&|number| {
        alice.call("POST", "/api/auth/messages").json(&message(&bob, number)).send().ok();
    });
    let tries = i64::try_from(TRIES).unwrap();
    assert_eq!(world.count("messages"), tries);
    assert_eq!(world.count(&format!("conversations WHERE last_seq = {tries}")), 1);
    // The work in the background may be amid a transaction of its own for a moment.
    assert_eq!(world.count(open), 0);
}
