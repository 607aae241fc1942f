//! A database that becomes unreachable and returns, and invalid rows.

use local_postgres::{Cluster, ClusterOptions, Installation};
use serde_json::json;
use server::config::Options;

use crate::support::{Person, World, eventually};

#[test]
fn a_lost_connection_fails_at_most_one_request() {
    let world = World::impatient(Options { db_pool_size: Some(2), ..Options::default() });
    let (alice, bob) = world.friends();
    for _ in 0..3 {
        // Other tests use the same cluster.
        world.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE application_name = 'hongyan' AND datname = current_database()",
        );
        let mut failures = 0;
        eventually("the pool did not recover", || {
            let reply = alice.send(&bob, "still there?");
            if reply.status == 200 {
                return true;
            }
            let reply = reply.refused(503, "unavailable");
            assert!(reply.header("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
            failures += 1;
            false
        });
        assert!(failures <= 1, "one lost connection renews all of them");
    }
    eventually("the server is not ready", || world.call("GET", "/readyz").send().status == 200);
}

#[test]
fn a_locked_row_causes_a_503_for_its_own_requests_only() {
    let world = World::impatient(Options::default());
    let (alice, bob) = world.friends();
    let carol = world.person("carol_01");
    carol.befriend(&bob);
    let (locked, release) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    std::thread::scope(|scope| {
        let world = &world;
        scope.spawn(move || {
            world.hold_lock(
                "SELECT FROM conversations WHERE last_seq = 0 ORDER BY created_at LIMIT 1 FOR UPDATE",
                || {
                    locked.0.send(()).unwrap();
                    let _ = release.1.recv();
                },
            );
        });
        locked.1.recv().unwrap();
        carol.say(&bob, "not stalled");
        alice.send(&bob, "stalled").refused(503, "unavailable");
        drop(release.0);
    });
    alice.say(&bob, "again");
}

#[test]
fn an_invalid_row_causes_a_500_and_no_panic() {
    let world = World::new();
    let (alice, _bob) = world.friends();
    world.sql("UPDATE users SET name = E'\\n' WHERE uid = 'bob_0001'");
    let reply = alice.get("/api/auth/friendships").refused(500, "internal_error");
    assert!(!reply.text.contains("users"), "the cause belongs in the log only: {}", reply.text);
    alice.get("/api/auth/me").ok();
}

#[test]
fn an_unreachable_database_causes_503_until_it_is_back() {
    let folder = std::env::temp_dir().join(format!("hongyan-fault-{}", std::process::id()));
    let options = ClusterOptions { data_dir: folder.clone(), durable: true, settings: Vec::new() };
    let cluster = Cluster::start(&Installation::find().unwrap(), options).unwrap();
    cluster.ensure_database("hongyan").unwrap();
    let world = World::impatient_on(Options::default(), &cluster.url("hongyan"));
    let (alice, bob) = world.friends();
    let before: Vec<String> = (0..20).map(|number| alice.say(&bob, &number.to_string())).collect();
    cluster.kill_postmaster().unwrap();
    eventually("the server did not notice the loss", || {
        let reply = alice.send(&bob, "lost");
        assert_ne!(reply.status, 200, "nothing is acknowledged without a database");
        reply.status == 503
    });
    world.call("GET", "/readyz").send().refused(503, "unavailable");
    world.call("GET", "/healthz").send().ok();
    let login = json!({"uid": "alice_01", "password": Person::PASSWORD});
    world.call("POST", "/api/login/uid").json(&login).send().refused(503, "unavailable");
    cluster.restart().unwrap();
    eventually("sending did not recover", || alice.send(&bob, "back").status == 200);
    eventually("the server is not ready", || world.call("GET", "/readyz").send().status == 200);
    let window = bob.open(&bob.conversation(), "?limit=200").ok();
    let stored: Vec<&str> = window.data()["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["message_id"].as_str().unwrap())
        .collect();
    assert_eq!(&stored[..20], &before[..]);
    drop(world);
    cluster.stop().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
