//! Instances on machines with a wrong or jumping clock. PostgreSQL's clock stays right: it decides.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{Folder, Server, eventually, execute, get, query};

/// The library that shifts the clock of a process, from Debian's package libfaketime.
fn libfaketime() -> PathBuf {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"];
    let mut files = folders.iter().map(|folder| PathBuf::from(folder).join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists()).expect("install the package libfaketime")
}

/// A command that serves on the database of another server, with a clock that is off by the seconds in the file `offset`.
fn shifted(right: &Folder, folder: &Folder) -> Command {
    let mut command = folder.hongyan(&["serve"]);
    let secret = fs::read_to_string(right.0.join("data/jwt_secret")).unwrap();
    command.env("DATABASE_URL", right.database_url()).env("HONGYAN_JWT_SECRET", secret.trim());
    command.env("LD_PRELOAD", libfaketime()).env("FAKETIME_TIMESTAMP_FILE", folder.path("offset"));
    // Only the wall clock is shifted, not the monotonic clock. The switch has an old and a new name.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command.env("DONT_FAKE_MONOTONIC", "1");
    command
}

fn set_clock(folder: &Folder, seconds: i64) {
    // Renamed, because the library would read a partially written file.
    fs::write(folder.0.join("offset.new"), format!("{seconds:+}\n")).unwrap();
    fs::rename(folder.0.join("offset.new"), folder.0.join("offset")).unwrap();
}

/// By how many seconds a server's clock is ahead of the database's, according to the header `Date`.
fn ahead(server: &Server, right: &Folder) -> i64 {
    let (_, headers, _) = get(&format!("{}/healthz", server.base), &[]);
    let date = DateTime::parse_from_rfc2822(headers["date"].to_str().unwrap()).unwrap();
    let milliseconds = query(&right.database_url(), "(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    let database = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds.parse().unwrap());
    date.signed_duration_since(database).num_seconds()
}

fn token<'a>(data: &'a Value, name: &str) -> &'a str {
    data["token_class"][name].as_str().unwrap_or_else(|| panic!("{data}"))
}

fn befriend(server: &Server, one: &Value, other: &Value) {
    for (from, to) in [(one, other), (other, one)] {
        let body = json!({"receiver_id": to["user_info"]["user_id"]});
        let asked = server.post("/api/auth/friendship_requests", token(from, "token"), &body);
        assert_eq!(asked["code"], 200, "{asked}");
    }
}

fn say(server: &Server, from: &Value, to: &Value, content: &str) -> String {
    let body = json!({"receiver_id": to["user_info"]["user_id"], "content": content});
    let sent = server.post("/api/auth/messages", token(from, "token"), &body);
    assert_eq!(sent["code"], 200, "{sent}");
    sent["data"].as_str().unwrap().to_owned()
}

fn recall(server: &Server, token: &str, message: &str) -> Value {
    server.delete(&format!("/api/auth/message/recall?message_id={message}"), token)
}

/// Checks that each server accepts the other's tokens, with the same lifetime and the same reuse grace.
fn check_tokens(right: &Server, wrong: &Server, uid: &str) {
    for (here, there, uid) in [(right, wrong, format!("{uid}_r")), (wrong, right, format!("{uid}_w"))] {
        let data = here.register(&uid);
        assert_eq!(data["token_class"]["expires_in"], 600, "{data}");
        for server in [here, there] {
            assert_eq!(server.get("/api/auth/me", token(&data, "token"))["code"], 200);
        }
        let refreshed = there.post("/auth/refresh_token", token(&data, "refresh_token"), &json!({}));
        assert_eq!(refreshed["code"], 200, "{refreshed}");
        for server in [here, there] {
            let again = server.post("/auth/refresh_token", token(&data, "refresh_token"), &json!({}));
            assert_eq!(again["error"], "refresh_token_reused", "{again}");
        }
        let after = refreshed["data"]["token"].as_str().unwrap();
        assert_eq!(
            here.get("/api/auth/me", after)["code"],
            200,
            "the session survives a repetition within the grace"
        );
    }
}

#[test]
fn an_instance_with_a_wrong_clock_decides_like_the_other() {
    let (right_folder, wrong_folder) = (Folder::new("right"), Folder::new("wrong"));
    let right = Server::start(&right_folder);
    let (alice, bob) = (right.register("alice_01"), right.register("bob_0001"));
    befriend(&right, &alice, &bob);
    let earlier = "UPDATE messages SET created_at = created_at - interval '121 seconds'";
    for (offset, name) in [(300, "ahead"), (-300, "behind")] {
        set_clock(&wrong_folder, offset);
        let wrong = Server::run(&mut shifted(&right_folder, &wrong_folder), &wrong_folder);
        let seen = ahead(&wrong, &right_folder);
        assert!((seen - offset).abs() < 60, "the clock is not shifted: {seen}");
        check_tokens(&right, &wrong, name);
        let by = token(&alice, "token");
        for server in [&right, &wrong] {
            let old = say(server, &alice, &bob, "以前");
            execute(&right_folder.database_url(), earlier);
            let new = say(server, &alice, &bob, "刚才");
            for server in [&wrong, &right] {
                assert_eq!(recall(server, by, &old)["error"], "recall_window_over", "{name}");
            }
            assert_eq!(recall(&wrong, by, &new)["code"], 200, "{name}");
        }
        assert_eq!(wrong.get("/readyz", "")["code"], 200);
        assert!(wrong.stop().success());
    }
    assert!(right.stop().success());
    for folder in [&right_folder, &wrong_folder] {
        let log = fs::read_to_string(folder.0.join("log")).unwrap();
        assert!(!log.contains("panicked") && !log.contains("status=500"), "{log}");
    }
}

/// Sends and reads until `stop` is set; returns the number of messages.
fn send_until(server: &Server, from: &Value, to: &Value, stop: &AtomicBool) -> usize {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        sent += 1;
        say(server, from, to, &format!("第 {sent} 条"));
        assert_eq!(server.get("/api/auth/conversations", token(to, "token"))["code"], 200);
        assert_eq!(server.get("/readyz", "")["code"], 200);
    }
    sent
}

#[test]
fn a_clock_that_jumps_under_a_running_server_changes_nothing() {
    const HOUR: i64 = 3600;
    let (right_folder, folder) = (Folder::new("stands"), Folder::new("jumps"));
    let right = Server::start(&right_folder);
    set_clock(&folder, 0);
    let server = Server::run(&mut shifted(&right_folder, &folder), &folder);
    let (alice, bob) = (server.register("alice_01"), server.register("bob_0001"));
    befriend(&server, &alice, &bob);
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| send_until(&server, &alice, &bob, &stop));
        for offset in [HOUR, -HOUR, 0] {
            set_clock(&folder, offset);
            eventually("the clock does not jump", || (ahead(&server, &right_folder) - offset).abs() < 60);
            let late = server.register(&format!("late_{}", offset.unsigned_abs() + u64::from(offset < 0)));
            assert_eq!(right.get("/api/auth/me", token(&late, "token"))["code"], 200);
            assert_eq!(server.get("/api/auth/me", token(&late, "token"))["code"], 200);
        }
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    let url = right_folder.database_url();
    let in_order = "SELECT string_agg((seq = n AND in_time)::text, '') FROM (
        SELECT seq, row_number() OVER (ORDER BY seq) AS n,
               created_at >= lag(created_at, 1, created_at) OVER (ORDER BY seq) AS in_time FROM messages) m";
    assert_eq!(query(&url, in_order), "true".repeat(sent));
    let apart = "SELECT count(*) FROM messages WHERE created_at > now() OR created_at < now() - interval '30 minutes'";
    assert_eq!(query(&url, apart), "0", "a message has the time of the wrong clock");
    let wrong_ids = "SELECT count(*) FROM (
        SELECT id, created_at FROM users UNION ALL SELECT id, created_at FROM sessions UNION ALL
        SELECT id, created_at FROM friendship_requests UNION ALL SELECT friendship_id, created_at FROM friendships) r
      WHERE abs(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0 - extract(epoch FROM created_at)) > 60";
    assert_eq!(query(&url, wrong_ids), "0", "ids carry the database's time");
    assert!(server.stop().success());
    assert!(right.stop().success());
    assert!(!fs::read_to_string(folder.0.join("log")).unwrap().contains("panicked"));
}
