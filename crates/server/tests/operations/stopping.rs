//! Graceful shutdown: every client that can still connect gets a response.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::support::{Folder, Server, eventually, signal};

#[test]
fn each_stop_signal_stops_the_server_and_its_postgres() {
    let folder = Folder::new("signals");
    for by in ["TERM", "INT", "HUP"] {
        let server = Server::start(&folder);
        assert!(folder.postmaster().is_some());
        assert!(server.stop_by(by).success(), "{by}");
        assert!(folder.postmaster().is_none(), "PostgreSQL outlived {by}");
    }
}

/// Sends a request on a kept connection and reads the response.
fn ask(connection: &mut TcpStream, path: &str) -> String {
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut response = Vec::new();
    // The body is one small object.
    while !response.ends_with(b"}") {
        let mut buffer = [0; 1024];
        let length = connection.read(&mut buffer).unwrap();
        assert!(length > 0, "no response: {}", String::from_utf8_lossy(&response));
        response.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(response).unwrap()
}

#[test]
fn a_shutdown_drains_and_refuses_before_it_closes_connections() {
    let folder = Folder::with_database("drain");
    for by in ["TERM", "INT"] {
        let mut command = folder.hongyan(&["serve"]);
        command.env("HONGYAN_DRAIN_SECONDS", "2");
        let server = Server::run(&mut command, &folder);
        let address = server.address().to_owned();
        let mut kept = TcpStream::connect(&address).unwrap();
        assert!(!ask(&mut kept, "/healthz").contains("connection: close"));
        signal(by, server.pid());
        eventually("the server still reports that it is ready", || {
            ask(&mut kept, "/readyz").starts_with("HTTP/1.1 503")
        });
        // A new client may not know of the shutdown yet.
        let response = ask(&mut TcpStream::connect(&address).unwrap(), "/healthz");
        assert!(
            response.starts_with("HTTP/1.1 200") && !response.contains("connection: close"),
            "{response}"
        );
        let mut response = String::new();
        eventually("the server keeps its connections", || {
            response = ask(&mut kept, "/healthz");
            response.contains("connection: close")
        });
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        let refused = TcpStream::connect(&address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(kept.read(&mut [0]).unwrap(), 0, "the connection is not closed after the response");
        assert!(server.wait().success());
    }
}

/// Makes a connection per request until one is refused; returns the number of responses.
fn connect_repeatedly(address: &str) -> usize {
    let mut responses = 0;
    loop {
        let mut connection = match TcpStream::connect(address) {
            Ok(connection) => connection,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return responses,
            Err(error) => panic!("{error}"),
        };
        assert!(ask(&mut connection, "/healthz").starts_with("HTTP/1.1 200"));
        responses += 1;
    }
}

#[test]
fn every_connection_to_a_stopping_server_gets_a_response() {
    let folder = Folder::with_database("listener");
    for by in ["TERM", "INT", "TERM", "INT"] {
        let server = Server::run(folder.hongyan(&["serve"]).env_remove("HONGYAN_DRAIN_SECONDS"), &folder);
        let address = server.address().to_owned();
        let responses: usize = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| connect_repeatedly(&address))).collect();
            signal(by, server.pid());
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        assert!(responses > 100, "{responses}");
        assert!(server.wait().success());
    }
}
