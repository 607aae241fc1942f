//! The address of the database leads to a standby for a while, as after a moved address or before a promotion.

use std::fs;

use diesel::{Connection, PgConnection};
use serde_json::json;

use crate::support::{Folder, PASSWORD, Server, eventually, execute, query};

/// Restarts the cluster as a standby, which accepts no writes, and waits until the server reaches it.
fn demote(folder: &Folder, server: &Server, token: &str) {
    let (data, before) = (folder.0.join("data/postgres/pg"), folder.postmaster());
    fs::write(data.join("standby.signal"), "").unwrap();
    folder.kill_postgres();
    let url = folder.database_url();
    eventually("the cluster does not start again", || {
        folder.postmaster().is_some_and(|pid| Some(pid) != before) && PgConnection::establish(&url).is_ok()
    });
    assert_eq!(query(&url, "SELECT pg_is_in_recovery()"), "true");
    eventually("the server does not reach the standby", || server.get("/api/auth/me", token)["code"] == 200);
}

#[test]
fn a_standby_causes_503_for_writes_until_it_is_promoted() {
    let folder = Folder::new("standby");
    let server = Server::start(&folder);
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    server.befriend(&alice, &bob);
    let message = |text: &str| json!({"receiver_id": bob.id, "content": text});
    assert_eq!(server.post("/api/auth/messages", &alice.token, &message("before"))["code"], 200);
    demote(&folder, &server, &bob.token);
    let writes = [
        ("/api/auth/messages", message("meanwhile")),
        ("/api/register", json!({"uid": "carol_01", "name": "Carol", "password": PASSWORD})),
        ("/api/login/uid", json!({"uid": "bob_0001", "password": PASSWORD})),
        ("/api/auth/friendship_requests", json!({"receiver_id": bob.id})),
    ];
    for (path, body) in &writes {
        let answer = server.post(path, &alice.token, body);
        assert_eq!(answer["error"], "unavailable", "{path}: {answer}");
    }
    assert_eq!(server.get("/readyz", "")["code"], 503);
    let list = server.get("/api/auth/conversations", &bob.token);
    assert_eq!(list["data"][0]["last_message"]["content"], "before", "{list}");
    execute(&folder.database_url(), "SELECT pg_promote()");
    eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    assert_eq!(server.post("/api/auth/messages", &alice.token, &message("after"))["code"], 200);
    let list = server.get("/api/auth/conversations", &bob.token);
    assert_eq!(
        (&list["data"][0]["last_message"]["content"], &list["data"][0]["last_seq"]),
        (&json!("after"), &json!(2))
    );
    assert!(server.stop().success());
}
