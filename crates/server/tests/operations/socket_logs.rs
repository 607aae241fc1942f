//! What the log of a server with sockets must not contain, at its most talkative level.

use std::fs;

use serde_json::json;

use crate::signals::At;
use crate::socket::Socket;
use crate::support::{Folder, Server, get};

#[test]
fn no_token_cursor_or_text_of_a_socket_reaches_logs_or_metrics() {
    let folder = Folder::with_database("socket-logs");
    let mut verbose = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
    let server = Server::run(verbose.env("HONGYAN_LOG", "trace").env("HONGYAN_LOG_FORMAT", "json"), &folder);
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    server.befriend(&alice, &bob);
    let sync = server.get("/api/auth/sync", &bob.token);
    let cursor = sync["data"]["cursor"].as_str().unwrap().to_owned();
    let mut bobs = Socket::live(&At(&server, &bob), Some(&cursor));
    let body = json!({"receiver_id": bob.id, "content": "canary 金丝雀", "client_message_id": "canary-key"});
    assert_eq!(server.post("/api/auth/messages", &alice.token, &body)["code"], 200);
    assert_eq!(bobs.until("message")["message"]["content"], "canary 金丝雀");
    bobs.send(&json!({"type": "ping", "id": "canary-ping"}));
    bobs.until("pong");
    bobs.send(&json!({"type": "canary-type"}));
    bobs.until("error");
    // The header's token, the address's, a forged one, and what is no frame.
    let bearer = format!("Authorization: Bearer {}\r\n", alice.token);
    let mut alices =
        Socket::open(server.address().parse().unwrap(), "/api/auth/socket", &bearer).ok().unwrap();
    alices.until("live");
    alices.send_raw(0x81, b"canary garbage");
    assert_eq!(alices.close_code(), 4400);
    let path = format!("/api/auth/socket?token={}", alice.token);
    assert_eq!(Socket::open(server.address().parse().unwrap(), &path, "").err().unwrap().status, 400);
    let mut forged = Socket::greeted(server.address().parse().unwrap());
    forged.send(&json!({"type": "authenticate", "token": "canary.forged.token"}));
    assert_eq!(forged.close_code(), 4401);
    let metrics = get(&format!("{}/metrics", server.admin), &[]).2;
    assert!(server.stop().success());
    let log = fs::read_to_string(folder.path("log")).unwrap();
    assert!(
        log.contains("\"level\":\"TRACE\"") && log.contains("/api/auth/socket"),
        "this level logs sockets"
    );
    for secret in ["canary", "金丝雀", &alice.token, &bob.token, &cursor] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!metrics.contains(secret), "{secret} is in the metrics");
    }
}
