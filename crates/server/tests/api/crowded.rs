//! More requests than connections to the database, and clients that hang up.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;
use server::config::Options;

use crate::support::World;

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

#[test]
fn who_hangs_up_amid_a_request_has_sent_all_or_nothing() {
    const TRIES: usize = 300;
    let world = World::new();
    let (alice, bob) = world.friends();
    let message = |number: usize| {
        let key = format!("key-{number}");
        json!({"receiver_id": bob.id, "content": format!("第 {number} 条"), "client_message_id": key})
    };
    for number in 0..TRIES {
        let body = message(number).to_string();
        let head = format!(
            "POST /api/auth/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            alice.token,
            body.len()
        );
        let request = [head.as_bytes(), body.as_bytes()].concat();
        // From nothing at all to the last byte, and somewhere in between.
        let cut = if number % 3 == 0 { request.len() } else { (number * 7919) % request.len() };
        let mut stream = TcpStream::connect(world.address()).unwrap();
        stream.write_all(&request[..cut]).unwrap();
    }
    for number in 0..TRIES {
        alice.call("POST", "/api/auth/messages").json(&message(number)).send().ok();
    }
    assert_eq!(world.count("messages"), i64::try_from(TRIES).unwrap());
    assert_eq!(world.count("conversations WHERE last_seq = 300"), 1);
    let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(world.count(open), 0);
}
