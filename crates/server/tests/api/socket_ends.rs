//! How sockets begin and end: handshakes that are refused, close codes, and what the server survives.

use serde_json::json;
use server::config::Options;

use crate::support::{Person, Socket, World, eventually};

const PATH: &str = "/api/auth/socket";

fn authenticating(person: &Person, token: &str) -> Socket {
    let mut socket = Socket::greeted(person.address);
    socket.send(&json!({"type": "authenticate", "token": token}));
    socket
}

fn first_cursor(person: &Person) -> String {
    person.get("/api/auth/sync").ok().data()["cursor"].as_str().unwrap().to_owned()
}

/// The person with a fresh token.
fn refreshed(world: &World, person: Person) -> Person {
    let tokens = world.call("POST", "/api/auth/refresh_token").bearer(&person.refresh_token).send().ok();
    Person { token: tokens.data()["token"].as_str().unwrap().to_owned(), ..person }
}

#[test]
fn what_is_no_permitted_handshake_is_refused_before_the_upgrade() {
    let world = World::new();
    let alice = world.person("alice_01");
    let refused = |path: &str, lines: &str| Socket::open(world.address(), path, lines).err().unwrap();
    let in_url = refused(&format!("{PATH}?token={}", alice.token), "");
    assert_eq!((in_url.status, &in_url.body["field"]), (400, &json!("token")));
    let foreign = refused(PATH, "Origin: https://evil.example\r\n");
    assert_eq!((foreign.status, &foreign.body["error"]), (400, &json!("origin_not_allowed")));
    let forged = refused(PATH, "Authorization: Bearer forged\r\n");
    assert_eq!((forged.status, &forged.body["error"]), (401, &json!("invalid_token")));
    let plain = Socket::ask(world.address(), PATH, "").err().unwrap();
    assert_eq!((plain.status, &plain.body["field"]), (400, &json!("Upgrade")));
    let own = format!("Origin: http://{}\r\nSec-WebSocket-Protocol: hongyan.1\r\n", world.address());
    let socket = Socket::open(world.address(), PATH, &own).ok().unwrap();
    assert!(socket.head.to_lowercase().contains("sec-websocket-protocol: hongyan.1"), "{}", socket.head);
    assert_eq!(world.call("POST", PATH).send().status, 405);
}

#[test]
fn a_token_in_the_header_makes_the_socket_live_at_once() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let bearer = format!("Authorization: Bearer {}\r\n", bob.token);
    let mut socket = Socket::open(world.address(), PATH, &bearer).ok().unwrap();
    for kind in ["hello", "ready", "live"] {
        assert_eq!(socket.text()["type"], kind);
    }
    alice.say(&bob, "你好");
    assert_eq!(socket.until("message")["message"]["seq"], 1);
}

#[test]
fn no_place_is_left_is_said_before_the_upgrade() {
    let world = World::with(Options { sockets: Some(1), ..Options::default() });
    let first = Socket::greeted(world.address());
    let full = Socket::open(world.address(), PATH, "").err().unwrap();
    assert_eq!((full.status, &full.body["error"]), (503, &json!("unavailable")));
    assert!(full.head.contains("retry-after: "), "{}", full.head);
    drop(first);
    eventually("the place was not given back", || Socket::open(world.address(), PATH, "").is_ok());
}

#[test]
fn what_is_no_frame_ends_the_socket_and_nothing_else() {
    let world = World::new();
    let alice = world.person("alice_01");
    let ended_by = |first: u8, payload: &[u8]| {
        let mut socket = Socket::live(&alice, None);
        socket.send_raw(first, payload);
        socket.close_code()
    };
    for (first, payload) in [
        (0x81, &b"garbage"[..]),
        (0x81, b"[]"),
        (0x81, br#"{"type":"typing"}"#),
        (0x81, &[0xff, 0xfe]),
        (0x82, b"binary"),
        (0x01, br#"{"type":"#),
        (0xf1, b"reserved bits"),
    ] {
        assert_eq!(ended_by(first, payload), 4400, "{payload:?}");
    }
    assert_eq!(ended_by(0x81, &[b' '; 4097]), 1009);
    let mut socket = Socket::greeted(world.address());
    socket.send(&json!({"type": "authenticate", "token": alice.token, "cursor": "nonsense"}));
    assert_eq!(socket.close_code(), 4400);
    alice.get("/api/auth/me").ok();
}

#[test]
fn more_than_twenty_frames_in_ten_seconds_end_the_socket() {
    let world = World::new();
    let mut socket = Socket::live(&world.person("alice_01"), None);
    for number in 0..20 {
        socket.send(&json!({"type": "ping", "id": number}));
    }
    let (code, frames) = socket.close();
    assert_eq!((code, frames.len()), (4429, 19), "the token was the first of them");
}

#[test]
fn a_token_that_is_of_no_use_ends_the_socket() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for token in ["", "forged", &alice.refresh_token] {
        assert_eq!(authenticating(&alice, token).close_code(), 4401, "{token}");
    }
    let mut socket = Socket::greeted(world.address());
    socket.send(&json!({"type": "ping", "id": 1}));
    assert_eq!(socket.close_code(), 4401);
    let mut socket = Socket::live(&alice, None);
    socket.send(&json!({"type": "authenticate", "token": bob.token}));
    assert_eq!(socket.close_code(), 4401);
}

#[test]
fn a_fresh_token_extends_a_socket_in_place_and_without_one_it_ends() {
    let world = World::with(Options { access_token_seconds: Some(8), ..Options::default() });
    let alice = world.person("alice_01");
    let mut socket = Socket::live(&alice, None);
    assert!(socket.until("expiring")["seconds"].as_u64().unwrap() <= 8);
    alice.get("/api/auth/me").ok();
    socket.authenticate(&refreshed(&world, alice), None);
    let (code, frames) = socket.close();
    assert_eq!(code, 4402);
    assert!(frames.iter().any(|frame| frame["type"] == "expiring"), "{frames:?}");
}

#[test]
fn a_token_that_ends_while_a_socket_catches_up_ends_it() {
    let world = World::with(Options { access_token_seconds: Some(8), ..Options::default() });
    let alice = world.person("alice_01");
    let cursor = first_cursor(&alice);
    world.hold_lock("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE", || {
        let mut socket = Socket::greeted(alice.address);
        socket.authenticate(&alice, Some(&cursor));
        let (code, frames) = socket.close();
        let kinds: Vec<_> = frames.iter().filter_map(|frame| frame["type"].as_str()).collect();
        assert_eq!((code, kinds), (4402, vec!["expiring"]));
    });
}

#[test]
fn a_token_that_ends_while_a_socket_reads_what_is_new_ends_it() {
    let world = World::with(Options { access_token_seconds: Some(8), ..Options::default() });
    let alice = world.person("alice_01");
    let socket = Socket::live(&alice, None);
    world.hold_lock("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE", || {
        let body = json!({"uid": alice.uid, "password": Person::PASSWORD});
        world.call("POST", "/api/login/uid").json(&body).send().ok();
        assert_eq!(socket.close_code(), 4402);
    });
}

#[test]
fn a_fresh_token_extends_a_socket_that_catches_up() {
    let world = World::with(Options { access_token_seconds: Some(8), ..Options::default() });
    let alice = world.person("alice_01");
    let cursor = first_cursor(&alice);
    let mut socket = Socket::greeted(alice.address);
    world.hold_lock("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE", || {
        socket.authenticate(&alice, Some(&cursor));
        socket.until("expiring");
        socket.authenticate(&refreshed(&world, alice), None);
    });
    for kind in ["sync", "live"] {
        socket.until(kind);
    }
}

#[test]
fn a_socket_of_a_lost_history_says_goodbye_at_its_heartbeat() {
    let world = World::with(Options { socket_ping_seconds: Some(1), ..Options::default() });
    let (alice, bob) = world.friends();
    let mut socket = Socket::live(&bob, None);
    // The poll may wake it at first for what was before.
    for _ in 0..2 {
        socket.tick();
    }
    // As after a fail-over that lost something.
    world.sql("UPDATE lineages SET token = gen_random_uuid()");
    alice.say(&bob, "pushed without a read");
    socket.until("message");
    let (code, frames) = socket.close();
    assert_eq!(code, 1012, "{frames:?}");
    assert_eq!(frames.last().unwrap()["why"], "restart");
}

#[test]
fn an_ended_session_loses_its_sockets_and_no_other() {
    let world = World::new();
    let alice = world.person("alice_01");
    let body = json!({"uid": alice.uid, "password": Person::PASSWORD});
    let second = Person::from_login(
        alice.address,
        world.call("POST", "/api/login/uid").json(&body).send().ok().data(),
    );
    let (first, mut other) = (Socket::live(&alice, None), Socket::live(&second, None));
    alice.post("/api/auth/logout", &json!({})).ok();
    assert_eq!(first.close_code(), 4403);
    other.send(&json!({"type": "ping", "id": 1}));
    other.until("pong");
    let elsewhere = world.second_instance();
    let socket = Socket::live(&second.at(elsewhere.address), None);
    second.post("/api/auth/logout", &json!({})).ok();
    assert_eq!(socket.close_code(), 4403);
    assert_eq!(authenticating(&second, &second.token).close_code(), 4403);
}

#[test]
fn an_ended_session_loses_a_socket_that_waits_for_the_database() {
    let world = World::new();
    let alice = world.person("alice_01");
    let elsewhere = world.second_instance();
    let cursor = first_cursor(&alice);
    world.hold_lock("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE", || {
        let sockets = [alice.address, elsewhere.address].map(|address| {
            let mut socket = Socket::greeted(address);
            socket.authenticate(&alice, Some(&cursor));
            socket
        });
        alice.post("/api/auth/logout", &json!({})).ok();
        for socket in sockets {
            let (code, frames) = socket.close();
            assert_eq!((code, frames), (4403, Vec::new()));
        }
    });
}

#[test]
fn one_socket_too_many_ends_the_oldest_of_the_session() {
    let world = World::with(Options { sockets_per_user: Some(2), ..Options::default() });
    let alice = world.person("alice_01");
    let first = Socket::live(&alice, None);
    let mut rest = [(); 2].map(|()| Socket::live(&alice, None));
    assert_eq!(first.close_code(), 4409);
    for socket in &mut rest {
        socket.send(&json!({"type": "ping", "id": 1}));
        socket.until("pong");
    }
}

#[test]
fn a_client_that_does_not_authenticate_or_answer_is_dropped() {
    let world = World::with(Options { socket_ping_seconds: Some(1), ..Options::default() });
    let alice = world.person("alice_01");
    let silent = Socket::greeted(world.address());
    // It answers no ping.
    assert_eq!(Socket::live(&alice, None).close_code(), 1000);
    assert_eq!(silent.close_code(), 4408);
}

#[test]
fn an_instance_that_stops_says_goodbye() {
    let world = World::new();
    let alice = world.person("alice_01");
    let socket = Socket::live(&alice, None);
    let stopping = std::thread::spawn(move || drop(world));
    let (code, frames) = socket.close();
    assert_eq!(code, 1012);
    let goodbye = frames.last().unwrap();
    assert_eq!((&goodbye["type"], &goodbye["why"]), (&json!("goodbye"), &json!("restart")));
    assert!(goodbye["retry_ms"].as_u64().unwrap() >= 1000);
    stopping.join().unwrap();
}
