//! Connections on the wire: time limits of request heads, wishes for other protocols, HTTP/1.0.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Person, World};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends the bytes and returns all that comes until the server closes.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    rest(stream)
}

fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One response of a connection that is kept: its head and its body.
fn one_response(stream: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the connection ended within a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn login(more: &str, body: &str) -> String {
    format!("POST /api/login/uid HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn guess(uid: &str) -> String {
    json!({"uid": uid, "password": "wrong horse"}).to_string()
}

#[test]
fn every_request_head_of_a_connection_has_the_same_time_limit() {
    let world = World::new();
    let half = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let waiting: Vec<(&str, TcpStream)> = [half, "\r\n", "G"]
        .into_iter()
        .map(|begun| {
            let mut stream = connect(world.address());
            stream.write_all(whole.as_bytes()).unwrap();
            assert!(one_response(&mut stream).0.starts_with("http/1.1 200"));
            stream.write_all(begun.as_bytes()).unwrap();
            (begun, stream)
        })
        .collect();
    let mut pipelined = connect(world.address());
    pipelined.write_all(format!("{whole}{half}").as_bytes()).unwrap();
    assert!(one_response(&mut pipelined).0.starts_with("http/1.1 200"));
    let mut idle = connect(world.address());
    for _ in 0..2 {
        idle.write_all(login("", &guess("someone_01")).as_bytes()).unwrap();
        assert!(one_response(&mut idle).0.starts_with("http/1.1 401"));
    }
    for (begun, stream) in waiting.into_iter().chain([("pipelined", pipelined)]) {
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 408"), "{begun:?}: {answer:?}");
    }
    idle.write_all(login("", &guess("someone_02")).as_bytes()).unwrap();
    assert!(one_response(&mut idle).0.starts_with("http/1.1 401"), "an idle connection is kept");
}

#[test]
fn a_wish_for_another_protocol_means_nothing_on_rest_routes() {
    let world = World::new();
    let alice = world.person("alice_01");
    for wish in [
        "Connection: upgrade\r\n",
        "Connection: keep-alive, Upgrade\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    ] {
        let token = format!("Authorization: Bearer {}\r\n", alice.token);
        let gzip = "Accept-Encoding: gzip\r\n";
        for request in [
            login(wish, &guess("someone_01")),
            login(&format!("{wish}{gzip}"), &guess("someone_02")),
            format!("GET /api/auth/me HTTP/1.1\r\nHost: x\r\n{token}{wish}\r\n"),
            format!("GET /api/auth/me/export HTTP/1.1\r\nHost: x\r\n{token}{wish}\r\n"),
        ] {
            let answer = exchange(world.address(), &request).to_ascii_lowercase();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("http/1.1 200") || head.starts_with("http/1.1 401"), "{wish}{head}");
            assert!(head.contains("\r\nconnection: close"), "the end is not announced: {wish}{head}");
            assert!(!head.contains("upgrade") && !head.contains("transfer-encoding"), "{wish}{head}");
            assert!(head.contains("gzip") || serde_json::from_str::<Value>(body).is_ok(), "{body}");
        }
    }
}

/// The body of a response that ends with its connection.
fn body_of(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn http_1_0_gets_no_chunks() {
    let world = World::new();
    let alice = world.person("alice_01");
    let get = |person: &Person, path: &str, more: &str| {
        let token = &person.token;
        exchange(
            world.address(),
            &format!("GET {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n{more}\r\n"),
        )
    };
    let export = get(&alice, "/api/auth/me/export", "");
    assert_eq!(body_of(&export)["code"], 200);
    for more in ["Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip\r\nConnection: keep-alive\r\n"] {
        let packed = get(&alice, "/api/auth/me", more).to_ascii_lowercase();
        let head = packed.split_once("\r\n\r\n").unwrap().0;
        assert!(head.contains("content-encoding: gzip") && !head.contains("transfer-encoding"), "{head}");
        assert!(!head.contains("keep-alive"), "the end of the body cannot be found: {head}");
    }
    let mut kept = connect(world.address());
    for _ in 0..2 {
        kept.write_all(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap();
        assert!(one_response(&mut kept).0.contains("connection: keep-alive"));
    }
}

#[test]
fn a_body_that_arrives_in_pieces_keeps_the_connection() {
    let world = World::new();
    let mut stream = connect(world.address());
    stream.set_nodelay(true).unwrap();
    for number in 0..3 {
        let request = login("", &guess(&format!("someone_{number}")));
        for piece in request.as_bytes().chunks(40) {
            stream.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        let (head, body) = one_response(&mut stream);
        assert!(head.starts_with("http/1.1 401") && !head.contains("connection: close"), "{head}");
        assert!(body.contains("invalid_credentials"), "{body}");
    }
}

#[test]
fn without_a_length_there_is_no_body() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let message = alice.say(&bob, "hello");
    let request = |method: &str, path: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\nAuthorization: Bearer {}\r\n\r\n",
            alice.token
        )
    };
    let deleted = exchange(
        world.address(),
        &request("DELETE", &format!("/api/auth/message/delete?message_id={message}")),
    );
    assert_eq!(body_of(&deleted)["code"], 200, "{deleted}");
    let sent = exchange(world.address(), &request("POST", "/api/auth/messages"));
    assert_eq!(body_of(&sent)["error"], "malformed_json", "{sent}");
}
