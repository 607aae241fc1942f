//! Connections that clients keep busy or idle: clients that do not read, and the admin listener.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::{Folder, Server, eventually, get};

/// Connects with a small receive buffer: the system must not take the answers in the client's stead.
fn connect(address: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

#[test]
fn clients_that_read_nothing_lose_their_connections_and_memory_is_bounded() {
    let folder = Folder::with_database("unread");
    let server = Server::start(&folder);
    let page = "GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(get(&format!("{}/api/openapi.json", server.base), &[]).0, 200);
    let (before, held) = (server.resident(), sockets(&server) + 8);
    let mut deaf: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect(server.address());
            stream.write_all(page.repeat(100).as_bytes()).unwrap();
            stream
        })
        .collect();
    // One answer fits the system's buffers: nothing waits in the server, but the client takes nothing either.
    let mut quiet = connect(server.address());
    quiet.write_all(page.as_bytes()).unwrap();
    deaf.push(quiet);
    assert!(sockets(&server) > held);
    eventually("connections stay open", || {
        let grown = server.resident().saturating_sub(before);
        assert!(grown < 200 << 20, "grown by {grown} bytes");
        sockets(&server) <= held
    });
    drop(deaf);
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    let lines = log.lines().filter(|line| line.contains("connection closed")).count();
    assert!((1..60).contains(&lines), "{log}");
    assert!(server.stop().success());
}

/// The number of sockets that the server holds.
fn sockets(server: &Server) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn many_errors_of_a_library_are_a_few_warnings() {
    let folder = Folder::new("hellos");
    let server = Server::start(&folder);
    for _ in 0..100 {
        let mut stream = connect(server.address());
        // The beginning of a TLS handshake.
        stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 400"));
    }
    let read = || fs::read_to_string(folder.0.join("log")).unwrap();
    // The last number of suppressed lines follows a moment later.
    eventually("the errors are not counted", || counted(&read()) == 100);
    assert!(server.stop().success());
    let log = read();
    assert!(!log.contains("ERROR") && counted(&log) == 100, "{log}");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("actix_http")).collect();
    assert!((1..20).contains(&lines.len()) && lines.iter().all(|line| line.contains(" WARN ")), "{log}");
}

/// How many errors of the library the lines stand for.
fn counted(log: &str) -> usize {
    let lines = log.lines().filter(|line| line.contains("actix_http")).count();
    let numbers = log.lines().filter_map(|line| line.split("suppressed=").nth(1)?.split(' ').next());
    lines + numbers.map(|number| number.parse::<usize>().unwrap()).sum::<usize>()
}

#[test]
fn the_admin_listener_keeps_no_connection() {
    let folder = Folder::with_database("admin-idle");
    let server = Server::run(&mut folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]), &folder);
    let address = server.admin.trim_start_matches("http://");
    for _ in 0..200 {
        let mut stream = connect(address);
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    assert!(server.stop().success());
}
