//! Exporting an account.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use server::config::Options;
use socket2::{Domain, Socket, Type};

use crate::support::{Person, Reply, World, assert_answer, eventually};

const PATH: &str = "/api/auth/me/export";

#[test]
fn an_export_is_one_document_with_all_of_the_accounts_data() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (carol, dave) = (world.person("carol_01"), world.person("dave_001"));
    carol.ask(&alice).ok();
    alice.ask(&dave).ok();
    alice.call("PUT", &format!("/api/auth/blocks/{}", dave.id)).send().ok();
    let body = json!({"receiver_id": bob.id, "content": "你好 👋\n\"", "client_message_id": "m-1"});
    alice.post("/api/auth/messages", &body).ok();
    let recalled = bob.say(&alice, "taken back");
    bob.recall(&recalled).ok();
    let deleted = bob.say(&alice, "not for me");
    alice.delete_message(&deleted).ok();
    world.sql("UPDATE sessions SET device_name = 'a telephone'");
    let reply = alice.get(PATH).ok();
    assert_answer!("export", reply);
    assert_eq!(reply.header("Content-Type"), Some("application/json"));
    assert!(reply.header("Content-Disposition").unwrap().starts_with("attachment"));
    assert!(!reply.text.contains("not for me") && !reply.text.contains("taken back"));
    let english =
        once_the_slot_is_free(|| alice.call("GET", PATH).header("Accept-Language", "en").send()).ok();
    assert_eq!(english.json["message"], "Success");
}

#[test]
fn a_new_account_can_be_exported_and_an_erased_one_cannot() {
    let world = World::new();
    let alice = world.person("alice_01");
    world.sql("UPDATE sessions SET device_name = ''");
    assert_answer!("export_of_a_new_account", alice.get(PATH).ok());
    world.sql("UPDATE users SET state = 'disabled'");
    alice.get(PATH).refused(401, "session_ended");
}

/// Fills a conversation with about twenty megabytes of texts that do not compress.
fn write_much(world: &World, alice: &Person, bob: &Person) {
    alice.befriend(bob);
    let id = alice.conversation();
    world.sql(&format!(
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{id}', n, '{}', n, t.text, now() FROM generate_series(1, 6000) n
          CROSS JOIN LATERAL (SELECT string_agg(md5(random()::text || n || k), '') AS text FROM generate_series(1, 120) k) t;
         UPDATE conversations SET last_seq = 6000,
                lo_sent = CASE WHEN user_lo = '{}' THEN 6000 ELSE 0 END,
                hi_sent = CASE WHEN user_hi = '{}' THEN 6000 ELSE 0 END",
        alice.id, alice.id, alice.id
    ));
}

/// Connects with a small receive buffer: the system must not take the whole export in the client's stead.
fn connect(person: &Person) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&person.address.into()).unwrap();
    socket.into()
}

/// Requests an export and reads only the status of the response. Retries while the account's last export is not yet released.
fn begin(person: &Person, more: &str) -> TcpStream {
    let mut begun = None;
    eventually("an export was never begun", || {
        let mut stream = connect(person);
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let request =
            format!("GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{more}\r\n", person.token);
        stream.write_all(request.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        if [*b"HTTP/1.1 503", *b"HTTP/1.1 429"].contains(&status) {
            return false;
        }
        assert_eq!(status, *b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&status));
        begun = Some(stream);
        true
    });
    begun.unwrap()
}

/// Waits until no transaction is open: the snapshot of an export that is being taken has been released.
fn wait_until_the_snapshot_is_released(world: &World) {
    let open = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    eventually("a snapshot is held", || world.count(open) == 0);
}

/// Exports until the last export is released, which is shortly after its last byte has left or its client has gone.
fn once_the_slot_is_free(export: impl Fn() -> Reply) -> Reply {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let reply = export();
        if reply.status != 503 && reply.error() != "export_in_progress" {
            return reply;
        }
        assert!(Instant::now() < deadline, "the export slot was not released");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn export_once_the_slot_is_free(person: &Person) -> Reply {
    once_the_slot_is_free(|| person.get(PATH)).ok()
}

#[test]
fn an_export_waits_for_a_slow_client_and_is_complete() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    write_much(&world, &alice, &bob);
    let mut slow = begin(&alice, "Connection: close\r\n");
    wait_until_the_snapshot_is_released(&world);
    // Other requests are served at the same time; a second export of the same account is not.
    bob.get("/api/auth/me").ok();
    let refused = alice.get(PATH).refused(429, "export_in_progress");
    assert_eq!(refused.header("Retry-After"), Some("60"));
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the body is terminated");
    let reply = export_once_the_slot_is_free(&alice);
    let messages = reply.data()["conversations"][0]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 6000);
    assert!(messages.iter().enumerate().all(|(place, message)| message["seq"] == place + 1));
}

#[test]
fn an_aborted_export_has_no_end_of_body() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "hello");
    let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%device_name%'";
    for encoding in ["", "Accept-Encoding: gzip\r\n"] {
        // The export has begun and cannot go on.
        world.hold_lock("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE", || {
            let mut broken = begin(&alice, encoding);
            eventually("the export does not wait", || world.count(waiting) == 1);
            world.sql(&format!("SELECT pg_terminate_backend(pid) FROM {waiting}"));
            let mut rest = Vec::new();
            // The connection is closed or reset.
            let _ = broken.read_to_end(&mut rest);
            assert!(!rest.ends_with(b"0\r\n\r\n"), "{encoding}: the body must not be terminated");
        });
    }
    export_once_the_slot_is_free(&alice);
}

#[test]
fn a_disconnected_client_frees_its_export_slot() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    write_much(&world, &alice, &bob);
    let stream = begin(&alice, "");
    alice.get(PATH).refused(429, "export_in_progress");
    drop(stream);
    export_once_the_slot_is_free(&alice);
}

#[test]
fn exports_without_a_reader_do_not_delay_those_of_others() {
    let world = World::new();
    let people: Vec<Person> = (0..2).map(|number| world.person(&format!("person_{number}"))).collect();
    write_much(&world, &people[0], &people[1]);
    let slow: Vec<TcpStream> = people.iter().map(|person| begin(person, "")).collect();
    wait_until_the_snapshot_is_released(&world);
    world.person("carol_01").get(PATH).ok();
    drop(slow);
}

#[test]
fn an_account_is_exported_once_an_hour() {
    let world = World::with(Options { quota_exports_per_hour: Some(1), ..Options::default() });
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    alice.get(PATH).ok();
    let refused = once_the_slot_is_free(|| alice.get(PATH));
    let wait: u64 =
        refused.refused(429, "export_quota_used_up").header("Retry-After").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    bob.get(PATH).ok();
}
