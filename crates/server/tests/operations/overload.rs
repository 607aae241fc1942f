//! Overload: connections, request heads, bodies, and a database that hangs or is unreachable.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;

use crate::support::{Folder, SECRET, Server, eventually, get, run};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// The response until the server closes or resets the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn healthy(server: &Server) -> bool {
    get(&format!("{}/healthz", server.base), &[]).0 == 200
}

/// Sends a signal to every PostgreSQL process of a folder.
fn signal_postgres(folder: &Folder, name: &str) {
    let postmaster = folder.postmaster().unwrap();
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster.to_string()]).output().unwrap();
    let children = String::from_utf8(output.stdout).unwrap();
    let pids = children.split_whitespace().map(str::to_owned).chain([postmaster.to_string()]);
    let status = Command::new("kill").arg(format!("-{name}")).args(pids).status().unwrap();
    assert!(status.success());
}

#[test]
fn an_endless_request_head_times_out_and_delays_no_other_request() {
    let folder = Folder::with_database("slow-head");
    let server = Server::start(&folder);
    let slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    assert!(healthy(&server), "other requests are delayed");
    for stream in slow {
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    }
    assert!(server.stop().success());
}

#[test]
fn oversized_bodies_and_heads_are_refused_without_being_kept() {
    let folder = Folder::with_database("bombs");
    let server = Server::start(&folder);
    assert!(healthy(&server));
    let before = server.resident();
    let head = |more: &str| {
        format!("POST /api/login/uid HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}")
    };
    // An announced body of ten gigabytes, and ten megabytes of zeros, compressed.
    let mut announced = connect(&server);
    announced.write_all(head("Content-Length: 10000000000\r\n\r\n{").as_bytes()).unwrap();
    let mut answer = [0; 1024];
    let length = announced.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 413"), "the body is refused before it is sent");
    let bomb = fs::read(zeros(&folder)).unwrap();
    let mut zipped = connect(&server);
    let length = bomb.len();
    zipped
        .write_all(head(&format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n")).as_bytes())
        .unwrap();
    zipped.write_all(&bomb).unwrap();
    let length = zipped.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 415"), "{}", String::from_utf8_lossy(&answer[..length]));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(200));
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1_000_000));
    for refused in [many, long] {
        let mut stream = connect(&server);
        // The server may refuse it during the write.
        let _ = stream.write_all(refused.as_bytes());
        let answer = rest(stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    }
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 50 * 1024 * 1024, "{grown} bytes");
    assert!(healthy(&server));
    assert!(server.stop().success());
}

#[test]
fn an_endless_body_is_refused_at_once_and_closes_the_connection() {
    let folder = Folder::with_database("endless");
    let server = Server::start(&folder);
    let before = server.resident();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for (target, status) in
        [("POST /api/login/uid", "413"), ("GET /healthz", "200"), ("POST /no/such/route", "404")]
    {
        let mut stream = connect(&server);
        let head = format!(
            "{target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let _ = stream.write_all(chunk.repeat(3).as_bytes());
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        // The server drains the body for a moment, so that a reset does not discard the response.
        eventually("the body is read without end", || stream.write_all(chunk.as_bytes()).is_err());
    }
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 50 * 1024 * 1024, "{grown} bytes");
    assert!(healthy(&server));
    assert!(server.stop().success());
}

/// Creates a compressed file of ten megabytes of zeros.
fn zeros(folder: &Folder) -> std::path::PathBuf {
    let path = folder.0.join("zeros");
    fs::write(&path, vec![0; 10_000_000]).unwrap();
    assert!(Command::new("gzip").arg(&path).status().unwrap().success());
    folder.0.join("zeros.gz")
}

#[test]
fn idle_connections_exhaust_neither_files_nor_the_service() {
    let folder = Folder::with_database("flood");
    let hongyan = folder.hongyan(&[]);
    let mut limited = Command::new("/bin/sh");
    limited
        .args(["-c", "ulimit -n 200; exec \"$0\" serve --keep-alive-seconds 1"])
        .arg(hongyan.get_program());
    limited.env_clear().envs(hongyan.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Server::run(&mut limited, &folder);
    let alice = server.register("alice_01");
    let token = alice["token_class"]["token"].as_str().unwrap();
    let idle: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    // At worst a connection waits in the backlog until the earlier ones exceed the idle time.
    assert_eq!(server.get("/api/auth/me", token)["code"], 200);
    for stream in idle {
        assert!(rest(stream).starts_with("HTTP/1.1 200"), "a connection is never served");
    }
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(!log.contains("Too many open files"), "{log}");
    assert!(server.stop().success());
}

#[test]
fn a_hanging_database_causes_503_until_it_recovers() {
    let folder = Folder::new("still");
    let server = Server::start(&folder);
    let alice = server.register("alice_01");
    let token = alice["token_class"]["token"].as_str().unwrap();
    assert_eq!(server.get("/api/auth/me", token)["code"], 200);
    signal_postgres(&folder, "STOP");
    let refused = server.get("/api/auth/me", token);
    let ready = server.get("/readyz", "");
    let alive = healthy(&server);
    signal_postgres(&folder, "CONT");
    assert_eq!((&refused["code"], &ready["code"]), (&json!(503), &json!(503)), "{refused} {ready}");
    assert!(alive);
    eventually("the server does not recover", || server.get("/api/auth/me", token)["code"] == 200);
    eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    assert!(server.stop().success());
}

#[test]
fn the_start_waits_for_an_unreachable_database_with_a_limit() {
    let folder = Folder::new("away");
    let mut never = folder.hongyan(&["serve", "--start-seconds", "1"]);
    let (code, text) =
        run(never.env("DATABASE_URL", "postgresql:///x?host=/nowhere").env("HONGYAN_JWT_SECRET", SECRET));
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("waiting for the database") && text.contains("the database cannot be used"),
        "{text}"
    );
    // The cluster of another server that starts later.
    assert_eq!(folder.call(&["migrate"]).0, 0);
    let mut early = folder.hongyan(&["serve", "--start-seconds", "60"]);
    early.env("DATABASE_URL", folder.database_url()).env("HONGYAN_JWT_SECRET", SECRET);
    early.env("HONGYAN_ADMIN_BIND", "127.0.0.1:0");
    let other = Folder::new("away-log");
    let early = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Server::run(&mut early, &other));
        assert_serves_503(&other);
        let later = Server::start(&folder);
        let early = waiting.join().unwrap();
        assert_eq!(early.get("/readyz", "")["code"], 200);
        assert_eq!(get(&format!("{}/readyz", early.admin), &[]).0, 200);
        (early, later)
    });
    assert!(early.0.stop().success());
    assert!(early.1.stop().success());
}

/// Checks the responses of a server that waits for its database and logs to this folder.
fn assert_serves_503(folder: &Folder) {
    let address = |of: &str| {
        let log = fs::read_to_string(folder.0.join("log")).unwrap_or_default();
        let line = log.lines().find(|line| line.contains("serving 503 until the database is reachable"))?;
        let word = line.split_whitespace().find_map(|word| word.strip_prefix(of))?;
        Some(format!("http://{word}"))
    };
    eventually("the server does not wait", || address("address=").is_some());
    let (base, admin) = (address("address=").unwrap(), address("admin=").unwrap());
    assert_eq!(get(&format!("{base}/healthz"), &[]).0, 200);
    for path in ["/readyz", "/api/auth/me", "/no/such/route"] {
        let (status, headers, body) = get(&format!("{base}{path}"), &[]);
        assert_eq!(
            (status, &headers["retry-after"], &headers["connection"]),
            (503, &"1".parse().unwrap(), &"close".parse().unwrap())
        );
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["code"], &body["error"]), (&json!(503), &json!("unavailable")), "{path}");
    }
    assert_eq!(get(&format!("{admin}/healthz"), &[]).0, 200);
    let (status, _, body) = get(&format!("{admin}/readyz"), &[]);
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let reasons = json!({"ready": false, "starting": true, "database_answers": false, "commits_return": true, "stopping": false, "not_durable": []});
    assert_eq!(body, reasons);
}

#[test]
fn connections_are_refused_while_another_instance_migrates() {
    let folder = Folder::new("migrating");
    let first = Server::start(&folder);
    let url = folder.database_url();
    let mut migrating = PgConnection::establish(&url).unwrap();
    // The lock that an instance holds while it migrates.
    migrating.batch_execute(&format!("SELECT pg_advisory_lock({})", 0x68_6f_6e_67_79_61_6e_i64)).unwrap();
    let other = Folder::new("migrating-log");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut second = folder.hongyan(&["serve", "--bind", &free.to_string()]);
    second.env("DATABASE_URL", &url).env("HONGYAN_JWT_SECRET", SECRET);
    let second = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Server::run(&mut second, &other));
        let log = || fs::read_to_string(other.0.join("log")).unwrap_or_default();
        eventually("the server does not wait", || log().matches("waiting for another instance").count() > 1);
        let refused = TcpStream::connect(free).map_err(|error| error.kind());
        assert_eq!(
            refused.unwrap_err(),
            std::io::ErrorKind::ConnectionRefused,
            "a proxy would pass a 503 on"
        );
        assert_eq!(first.get("/readyz", "")["code"], 200, "the other instance serves");
        drop(migrating);
        waiting.join().unwrap()
    });
    assert_eq!(second.get("/readyz", "")["code"], 200);
    assert!(second.stop().success());
    assert!(first.stop().success());
}
