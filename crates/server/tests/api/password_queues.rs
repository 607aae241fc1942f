//! Password hashing is shared fairly: no client's logins or registrations shut the others out.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use serde_json::json;
use server::config::Options;

use crate::support::{Call, Person, Reply, World};

/// A world that believes `X-Forwarded-For`, with checks that take a while.
fn world() -> World {
    let trusted_proxies = Some(vec!["127.0.0.0/8".to_owned()]);
    World::with(Options { trusted_proxies, bcrypt_cost: Some(8), ..Options::default() })
}

#[test]
fn many_registering_addresses_make_no_login_of_another_address_fail() {
    let world = world();
    world.person("alice_01");
    let (stop, next) = (AtomicBool::new(false), AtomicU32::new(0));
    // More than a queue has places. Each has an address of its own, since the bulkhead of one address would hold it back.
    let addresses: Vec<String> = (1..=96).map(|number| format!("192.0.2.{number}")).collect();
    thread::scope(|scope| {
        for address in &addresses {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let uid = format!("crowd_{:06}", next.fetch_add(1, Ordering::Relaxed));
                    let body = json!({"name": "n", "uid": uid, "password": Person::PASSWORD});
                    let call = Call::new(world.address(), "POST", "/api/register");
                    let reply = call.header("X-Forwarded-For", address).json(&body).send();
                    assert!([200, 503].contains(&reply.status), "{}", reply.text);
                }
            });
        }
        let replies = (0..20).map(|_| {
            let body = json!({"uid": "alice_01", "password": Person::PASSWORD});
            let call = world.call("POST", "/api/login/uid").header("X-Forwarded-For", "198.51.100.1");
            call.json(&body).send()
        });
        let replies: Vec<Reply> = replies.collect();
        stop.store(true, Ordering::Relaxed);
        for reply in replies {
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
    });
}
