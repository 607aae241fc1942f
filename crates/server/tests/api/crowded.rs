//! More requests than database connections, and clients that disconnect.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{Person, World, eventually};

#[test]
fn requests_without_a_free_connection_get_a_503_in_time() {
    let world = World::impatient(Options { db_pool_size: Some(2), ..Options::default() });
    // An account has one request in flight here, and its others wait.
    let people: Vec<Person> = (0..50).map(|number| world.person(&format!("person_{number:02}"))).collect();
    world.hold_lock("LOCK TABLE users IN ACCESS EXCLUSIVE MODE", || {
        // Every request is answered while the lock is held: the lock is released after the last response.
        std::thread::scope(|scope| {
            for person in people.iter().chain(&people) {
                scope.spawn(|| {
                    let reply = person.get("/api/auth/me").refused(503, "unavailable");
                    assert!(reply.header("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
                });
            }
            world.call("GET", "/healthz").send().ok();
        });
    });
    people[0].get("/api/auth/me").ok();
}

/// The content of the n-th message that is cut off.
fn message(receiver: &Person, number: usize) -> Value {
    let key = format!("key-{number}");
    json!({"receiver_id": receiver.id, "content": format!("第 {number} 条"), "client_message_id": key})
}

/// Sends the first `length` bytes of a request and disconnects.
fn hang_up(world: &World, alice: &Person, bob: &Person, number: usize) {
    let body = message(bob, number).to_string();
    let head = format!(
        "POST /api/auth/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        alice.token,
        body.len()
    );
    let request = [head.as_bytes(), body.as_bytes()].concat();
    // The cuts are spread over the whole request, the same in every run.
    let somewhere = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let cut = if number.is_multiple_of(3) { request.len() } else { somewhere % request.len() };
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.write_all(&request[..cut]).unwrap();
}

#[test]
fn a_request_cut_off_midway_is_executed_fully_or_not_at_all() {
    const CROWD: usize = 8;
    let tries = test_db::cases(2000, 10_000);
    let world = World::new();
    let (alice, bob) = world.friends();
    let all_of_them = |act: &(dyn Fn(usize) + Sync)| {
        std::thread::scope(|scope| {
            for first in 0..CROWD {
                scope.spawn(move || (first..usize::try_from(tries).unwrap()).step_by(CROWD).for_each(act));
            }
        });
    };
    all_of_them(&|number| hang_up(&world, &alice, &bob, number));
    let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
        AND state_change < clock_timestamp() - interval '2 seconds'";
    assert_eq!(world.count(open), 0);
    all_of_them(&|number| {
        // On a busy machine the server may shed a send for a moment.
        eventually("a message was never accepted", || {
            let reply = alice.post("/api/auth/messages", &message(&bob, number));
            reply.status != 503 && reply.ok().status == 200
        });
    });
    assert_eq!(world.count("messages"), i64::from(tries));
    assert_eq!(world.count(&format!("conversations WHERE last_seq = {tries}")), 1);
    // Background work may be in a transaction for a moment.
    assert_eq!(world.count(open), 0);
}
