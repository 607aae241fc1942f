//! Being told to stop: nobody who could still reach the server goes without an answer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::support::{Folder, Server, eventually, signal};

#[test]
fn either_signal_stops_the_server_and_its_postgres() {
    let folder = Folder::new("signals");
    for by in ["TERM", "INT"] {
        let server = Server::start(&folder);
        assert!(folder.postmaster().is_some());
        assert!(server.stop_by(by).success(), "{by}");
        assert!(folder.postmaster().is_none(), "PostgreSQL outlived {by}");
    }
}

/// Sends a request for `path` on a connection that is kept, and reads its answer.
fn ask(connection: &mut TcpStream, path: &str) -> String {
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    // The body is one small object.
    while !answer.ends_with(b"}") {
        let mut buffer = [0; 1024];
        let length = connection.read(&mut buffer).unwrap();
        assert!(length > 0, "no answer: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn who_is_told_to_stop_serves_on_and_closes_the_entrance_before_any_connection() {
    let folder = Folder::new("drain");
    for by in ["TERM", "INT"] {
        let mut command = folder.hongyan(&["serve"]);
        command.env("HONGYAN_DRAIN_SECONDS", "2");
        let server = Server::run(&mut command, &folder);
        let address = server.address().to_owned();
        let mut kept = TcpStream::connect(&address).unwrap();
        assert!(!ask(&mut kept, "/healthz").contains("connection: close"));
        signal(by, server.pid());
        eventually("it still says that it is ready", || {
            ask(&mut kept, "/readyz").starts_with("HTTP/1.1 503")
        });
        // Who comes now can still not have heard of it.
        let answer = ask(&mut TcpStream::connect(&address).unwrap(), "/healthz");
        assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("connection: close"), "{answer}");
        let mut answer = String::new();
        eventually("it keeps its connections", || {
            answer = ask(&mut kept, "/healthz");
            answer.contains("connection: close")
        });
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let refused = TcpStream::connect(&address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(kept.read(&mut [0]).unwrap(), 0, "it is closed behind the answer");
        assert!(server.wait().success());
    }
}

/// Connects anew for every request until nobody listens any more, and tells how many were answered.
fn come_and_go(address: &str) -> usize {
    let mut answered = 0;
    loop {
        let mut connection = match TcpStream::connect(address) {
            Ok(connection) => connection,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return answered,
            Err(error) => panic!("{error}"),
        };
        assert!(ask(&mut connection, "/healthz").starts_with("HTTP/1.1 200"));
        answered += 1;
    }
}

#[test]
fn whoever_could_connect_to_a_server_that_stops_is_answered() {
    let folder = Folder::new("entrance");
    for by in ["TERM", "INT", "TERM", "INT"] {
        let server = Server::start(&folder);
        let address = server.address().to_owned();
        let answered: usize = std::thread::scope(|scope| {
            let crowd: Vec<_> = (0..8).map(|_| scope.spawn(|| come_and_go(&address))).collect();
            signal(by, server.pid());
            crowd.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert!(answered > 100, "{answered}");
        assert!(server.wait().success());
    }
}
