//! Kills of the server and of PostgreSQL, and a second server on the same folder.

use serde_json::{Value, json};

use crate::support::{Folder, Server, eventually};

#[test]
fn what_was_acknowledged_survives_kills_of_the_server_and_of_postgres() {
    let folder = Folder::new("kills");
    let mut server = Server::start(&folder);
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    server.befriend(&alice, &bob);
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        for number in 0..20 {
            let key = format!("{round}/{number}");
            let body = json!({"receiver_id": bob.id, "content": format!("第 {key} 条 🪿"), "client_message_id": key});
            let mut answer = Value::Null;
            // As a client does, it repeats under the same key what was not answered with 200.
            eventually("the message is never accepted", || {
                answer = server.post("/api/auth/messages", &alice.token, &body);
                answer["code"] == 200
            });
            acknowledged.push((answer["data"].clone(), body["content"].clone()));
        }
        // In turn: the server only, PostgreSQL only, both.
        if round % 3 != 0 {
            folder.kill_postgres();
        }
        if round % 3 != 1 {
            server.kill();
            server = Server::start(&folder);
        }
        eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    }
    let list = server.get("/api/auth/conversations", &bob.token);
    let id = list["data"][0]["conversation_id"].as_str().unwrap_or_else(|| panic!("{list}"));
    let window = server.get(&format!("/api/auth/conversations/{id}?limit=200"), &bob.token);
    let stored: Vec<_> = window["data"]["messages"].as_array().unwrap().iter().collect();
    let stored: Vec<_> =
        stored.iter().map(|message| (message["message_id"].clone(), message["content"].clone())).collect();
    assert_eq!(stored, acknowledged);
    assert!(server.stop().success());
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let folder = Folder::new("second");
    let first = Server::start(&folder);
    let (code, text) = folder.call(&[]);
    assert!(code == 1 && text.contains("in use by another server"), "{text}");
    assert_eq!(first.get("/readyz", "")["code"], 200);
    assert!(first.stop().success());
}
