//! Cursors of a lost future: the database is an older copy of itself, and hands out the same transaction ids again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use diesel::{Connection, PgConnection};
use serde_json::{Value, json};

use crate::support::{Folder, PASSWORD, Person, Server, eventually, execute, query};

/// Two friends, and what one of them keeps.
struct Talk {
    folder: Folder,
    alice: Person,
    bob: Person,
}

fn send(server: &Server, from: &Person, to: &Person, text: &str) {
    let body = json!({"receiver_id": to.id, "content": text});
    let answer = server.post("/api/auth/messages", &from.token, &body);
    assert_eq!(answer["code"], 200, "{answer}");
}

fn sync(server: &Server, token: &str, cursor: Option<&str>) -> Value {
    let query = cursor.map_or_else(String::new, |cursor| format!("?cursor={cursor}"));
    let answer = server.get(&format!("/api/auth/sync{query}"), token);
    assert_eq!(answer["code"], 200, "{answer}");
    answer["data"].clone()
}

fn cursor(data: &Value) -> String {
    data["cursor"].as_str().unwrap().to_owned()
}

fn newest(data: &Value) -> &Value {
    &data["conversations"][0]["last_message"]["content"]
}

impl Talk {
    fn begin(name: &str) -> (Self, Server) {
        let folder = Folder::new(name);
        let server = Server::start(&folder);
        let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
        server.befriend(&alice, &bob);
        send(&server, &alice, &bob, "before");
        (Self { folder, alice, bob }, server)
    }

    fn data(&self) -> PathBuf {
        self.folder.0.join("data")
    }

    fn copy(&self) -> PathBuf {
        self.folder.0.join("copy")
    }

    /// Waits until a cursor is good after a restart.
    fn wait_for_cover(&self) {
        let url = self.folder.database_url();
        let open =
            "SELECT max(covered) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM lineages";
        eventually("the lineage is not covered", || query(&url, open) == "true");
    }

    /// Copies the folder while all processes of PostgreSQL stand still, so that the copy is one moment of a life that goes on.
    fn copy_a_moment(&self) {
        let postmaster = self.folder.postmaster().unwrap().to_string();
        let all = |name: &str| {
            // Its children only.
            let _ = Command::new("pkill").args([&format!("-{name}"), "-P", &postmaster]).status();
            let signalled = Command::new("kill").args([&format!("-{name}"), &postmaster]).status().unwrap();
            assert!(signalled.success());
        };
        all("STOP");
        let copied = Command::new("cp").arg("-a").arg(self.data()).arg(self.copy()).status().unwrap();
        all("CONT");
        assert!(copied.success());
    }

    /// Copies the database, goes on with it, and then puts the copy back. Returns the cursors from before the copy and from the future
    /// that is lost. Both are of the same lineage.
    fn lose_the_future(&self, server: Server) -> (String, String) {
        self.wait_for_cover();
        let before = cursor(&sync(&server, &self.bob.token, None));
        self.wait_for_cover();
        self.copy_a_moment();
        for text in ["lost 1", "lost 2", "lost 3"] {
            send(&server, &self.alice, &self.bob, text);
        }
        let news = sync(&server, &self.bob.token, Some(&before));
        assert_eq!((&news["reset"], newest(&news)), (&json!(false), &json!("lost 3")));
        let lost = cursor(&news);
        self.wait_for_cover();
        assert!(server.stop().success());
        // A restart alone loses nothing.
        let server = Server::start(&self.folder);
        let news = sync(&server, &self.bob.token, Some(&lost));
        assert_eq!((&news["reset"], &news["conversations"]), (&json!(false), &json!([])), "{news}");
        assert!(server.stop().success());
        fs::remove_dir_all(self.data()).unwrap();
        fs::rename(self.copy(), self.data()).unwrap();
        (before, lost)
    }

    /// The lost cursor begins again, and the one from before the copy goes on.
    fn assert_no_gap(&self, server: &Server, before: &str, lost: &str) {
        // As many transactions as were lost, so that their ids are used again.
        for text in ["other 1", "other 2", "other 3"] {
            send(server, &self.alice, &self.bob, text);
        }
        let news = sync(server, &self.bob.token, Some(lost));
        assert_eq!((&news["reset"], newest(&news)), (&json!(true), &json!("other 3")), "{news}");
        let news = sync(server, &self.bob.token, Some(before));
        assert_eq!((&news["reset"], newest(&news)), (&json!(false), &json!("other 3")), "{news}");
    }
}

#[test]
fn a_cursor_from_after_a_file_copy_begins_again_on_the_copy() {
    let (talk, server) = Talk::begin("file-copy");
    let (before, lost) = talk.lose_the_future(server);
    let server = Server::start(&talk.folder);
    talk.assert_no_gap(&server, &before, &lost);
    assert!(server.stop().success());
}

#[test]
fn a_cursor_begins_again_on_a_promoted_standby_that_missed_the_last_commits() {
    let (talk, server) = Talk::begin("promoted");
    let (before, lost) = talk.lose_the_future(server);
    let server = Server::start(&talk.folder);
    let (data, first) = (talk.data().join("postgres/pg"), talk.folder.postmaster());
    fs::write(data.join("standby.signal"), "").unwrap();
    talk.folder.kill_postgres();
    let url = talk.folder.database_url();
    eventually("the cluster does not start again", || {
        talk.folder.postmaster().is_some_and(|pid| Some(pid) != first)
            && PgConnection::establish(&url).is_ok()
    });
    eventually("the server does not reach the standby", || {
        server.get("/api/auth/me", &talk.bob.token)["code"] == 200
    });
    let refused = server.get(&format!("/api/auth/sync?cursor={before}"), &talk.bob.token);
    assert_eq!(refused["error"], "unavailable", "a standby knows no present: {refused}");
    execute(&url, "SELECT pg_promote()");
    eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    talk.assert_no_gap(&server, &before, &lost);
    assert!(server.stop().success());
}

#[test]
fn a_cursor_begins_again_after_a_restore() {
    let (talk, server) = Talk::begin("restored");
    let file = talk.folder.path("hongyan.backup");
    assert_eq!(talk.folder.call(&["backup", &file]).0, 0);
    let known = cursor(&sync(&server, &talk.bob.token, None));
    let secret = fs::read_to_string(talk.folder.path("data/jwt_secret")).unwrap();
    assert!(server.stop().success());
    let to = Folder::new("restored-to");
    assert_eq!(to.call(&["restore", &file]).0, 0);
    let server = Server::run(to.hongyan(&["serve"]).env("HONGYAN_JWT_SECRET", &secret), &to);
    let token =
        server.login("bob_0001", PASSWORD)["data"]["token_class"]["token"].as_str().unwrap().to_owned();
    let news = sync(&server, &token, Some(&known));
    assert_eq!((&news["reset"], newest(&news)), (&json!(true), &json!("before")), "{news}");
    let again = sync(&server, &token, Some(&cursor(&news)));
    assert_eq!((&again["reset"], &again["conversations"]), (&json!(false), &json!([])), "{again}");
    assert!(server.stop().success());
}
