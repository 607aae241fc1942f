//! Instances whose machines' clocks are wrong, or jump. The clocks of PostgreSQL are left alone: it decides.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{Folder, Server, eventually, execute, get, query};

/// The library that lies to a process about the time: Debian's package libfaketime.
fn liar() -> PathBuf {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"];
    let mut files = places.iter().map(|place| PathBuf::from(place).join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists()).expect("please install the package libfaketime")
}

/// A command that serves on the database of another server, by a clock that is off by what a file says.
fn misled(right: &Folder, folder: &Folder) -> Command {
    let mut command = folder.hongyan(&["serve"]);
    let secret = fs::read_to_string(right.0.join("data/jwt_secret")).unwrap();
    command.env("DATABASE_URL", right.database_url()).env("HONGYAN_JWT_SECRET", secret.trim());
    command.env("LD_PRELOAD", liar()).env("FAKETIME_TIMESTAMP_FILE", folder.path("offset"));
    // As a clock is that somebody sets: what counts the time that passes goes on. The switch has an old and a new name.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command.env("DONT_FAKE_MONOTONIC", "1");
    command
}

fn set_clock(folder: &Folder, seconds: i64) {
    // In one step: a file that is half written would be read.
    fs::write(folder.0.join("offset.new"), format!("{seconds:+}\n")).unwrap();
    fs::rename(folder.0.join("offset.new"), folder.0.join("offset")).unwrap();
}

/// By how many seconds a server's clock is ahead of the database's, as the header `Date` tells.
fn ahead(server: &Server, right: &Folder) -> i64 {
    let (_, headers, _) = get(&format!("{}/healthz", server.base), &[]);
    let date = DateTime::parse_from_rfc2822(headers["date"].to_str().unwrap()).unwrap();
    let database: f64 =
        query(&right.database_url(), "extract(epoch FROM clock_timestamp())").parse().unwrap();
    let database = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds((database * 1000.0) as i64);
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

/// Tokens of each of the two are good at the other, live as long, and are refreshed within the same grace.
fn judge_tokens(right: &Server, wrong: &Server, uid: &str) {
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
        assert_eq!(here.get("/api/auth/me", after)["code"], 200, "within the grace the session lives");
    }
}

#[test]
fn an_instance_whose_clock_is_wrong_serves_and_judges_as_the_other_does() {
    let (right_folder, wrong_folder) = (Folder::new("right"), Folder::new("wrong"));
    let right = Server::start(&right_folder);
    let (alice, bob) = (right.register("alice_01"), right.register("bob_0001"));
    befriend(&right, &alice, &bob);
    let earlier = "UPDATE messages SET created_at = created_at - interval '121 seconds'";
    for (offset, name) in [(300, "ahead"), (-300, "behind")] {
        set_clock(&wrong_folder, offset);
        let wrong = Server::run(&mut misled(&right_folder, &wrong_folder), &wrong_folder);
        let seen = ahead(&wrong, &right_folder);
        assert!((seen - offset).abs() < 60, "the clock is not misled: {seen}");
        judge_tokens(&right, &wrong, name);
        let by = token(&alice, "token");
        for server in [&right, &wrong] {
            let old = say(server, &alice, &bob, "以前");
            execute(&right_folder.database_url(), earlier);
            let new = say(server, &alice, &bob, "刚才");
            for judge in [&wrong, &right] {
                assert_eq!(recall(judge, by, &old)["error"], "recall_window_over", "{name}");
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

/// Sends until it is over, and follows what is new.
fn live(server: &Server, from: &Value, to: &Value, over: &AtomicBool) -> usize {
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        sent += 1;
        say(server, from, to, &format!("第 {sent} 条"));
        assert_eq!(server.get("/api/auth/conversations", token(to, "token"))["code"], 200);
        assert_eq!(server.get("/readyz", "")["code"], 200);
    }
    sent
}

#[test]
fn a_clock_that_jumps_while_the_server_runs_changes_nothing() {
    const HOUR: i64 = 3600;
    let (right_folder, folder) = (Folder::new("stands"), Folder::new("jumps"));
    let right = Server::start(&right_folder);
    set_clock(&folder, 0);
    let server = Server::run(&mut misled(&right_folder, &folder), &folder);
    let (alice, bob) = (server.register("alice_01"), server.register("bob_0001"));
    befriend(&server, &alice, &bob);
    let over = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let life = scope.spawn(|| live(&server, &alice, &bob, &over));
        for offset in [HOUR, -HOUR, 0] {
            set_clock(&folder, offset);
            eventually("the clock does not jump", || (ahead(&server, &right_folder) - offset).abs() < 60);
            let newcomer =
                server.register(&format!("late_{}", offset.unsigned_abs() + u64::from(offset < 0)));
            assert_eq!(right.get("/api/auth/me", token(&newcomer, "token"))["code"], 200);
            assert_eq!(server.get("/api/auth/me", token(&newcomer, "token"))["code"], 200);
        }
        over.store(true, Ordering::Relaxed);
        life.join().unwrap()
    });
    let url = right_folder.database_url();
    let in_order = "SELECT string_agg((seq = n AND in_time)::text, '') FROM (
        SELECT seq, row_number() OVER (ORDER BY seq) AS n,
               created_at >= lag(created_at, 1, created_at) OVER (ORDER BY seq) AS in_time FROM messages) m";
    assert_eq!(query(&url, in_order), "true".repeat(sent));
    let apart = "SELECT count(*) FROM messages WHERE created_at > now() OR created_at < now() - interval '30 minutes'";
    assert_eq!(query(&url, apart), "0", "no message bears the time of a clock that is wrong");
    let wrong_ids = "SELECT count(*) FROM (
        SELECT id, created_at FROM users UNION ALL SELECT id, created_at FROM sessions UNION ALL
        SELECT id, created_at FROM friendship_requests UNION ALL SELECT friendship_id, created_at FROM friendships) r
      WHERE abs(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0 - extract(epoch FROM created_at)) > 60";
    assert_eq!(query(&url, wrong_ids), "0", "ids carry the database's time");
    assert!(server.stop().success());
    assert!(right.stop().success());
    assert!(!fs::read_to_string(folder.0.join("log")).unwrap().contains("panicked"));
}
