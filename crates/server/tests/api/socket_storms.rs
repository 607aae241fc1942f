//! Many sockets at once and clients that misbehave on the network: storms of reconnects, abrupt ends, and readers that do not read.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::scope;

use serde_json::json;
use server::config::Options;
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};

use crate::support::{Person, Socket, World, eventually};

const PATH: &str = "/api/auth/socket";

fn observed() -> World {
    World::with(Options { admin_bind: Some("127.0.0.1:0".parse().unwrap()), ..Options::default() })
}

/// A connection from an address of its own, as of another client, that buffers little.
fn connect_from(client: u8, server: SocketAddr) -> TcpStream {
    let raw = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    raw.set_recv_buffer_size(4096).unwrap();
    raw.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::new(127, 0, 1, client), 0)))).unwrap();
    raw.connect(&SockAddr::from(server)).unwrap();
    raw.into()
}

/// Opens a socket and makes it live. While there is no place, it tries again.
fn live(person: &Person, client: u8, cursor: &str) -> (Socket, usize) {
    let mut opened = None;
    eventually("there is no place", || {
        let stream = connect_from(client, person.address);
        opened = Socket::over(stream, person.address, PATH, "").ok();
        opened.is_some()
    });
    let mut socket = opened.unwrap();
    assert_eq!(socket.text()["type"], "hello");
    socket.authenticate(person, Some(cursor));
    let sync = socket.until("sync");
    assert_eq!(socket.until("live")["type"], "live");
    (socket, sync["data"]["conversations"].as_array().unwrap().len())
}

fn all_live<'a>(people: &'a [(Person, String)]) -> Vec<(Socket, usize)> {
    let open = |(number, (person, cursor)): (usize, &'a (Person, String))| {
        (0..10).map(move |_| (person, u8::try_from(number + 1).unwrap(), cursor))
    };
    scope(|scope| {
        let opening: Vec<_> = people
            .iter()
            .enumerate()
            .flat_map(open)
            .map(|(person, client, cursor)| scope.spawn(move || live(person, client, cursor)))
            .collect();
        opening.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn after_a_storm_of_500_reconnects_all_are_live_and_requests_succeed() {
    let world = observed();
    let alice = world.person("alice_01");
    let mut people = Vec::new();
    for number in 0..50 {
        let person = world.person(&format!("person_{number}"));
        alice.befriend(&person);
        let sync = person.get("/api/auth/sync").ok();
        people.push((person, sync.data()["cursor"].as_str().unwrap().to_owned()));
    }
    let sockets = all_live(&people);
    assert!(sockets.iter().all(|(_, changed)| *changed == 0));
    assert_eq!(world.counter("hongyan_sockets"), 500);
    drop(sockets);
    for (person, _) in &people {
        alice.say(person, "while they were away");
    }
    let (sockets, requests) = scope(|scope| {
        let storm = scope.spawn(|| all_live(&people));
        let mut requests = 0;
        while !storm.is_finished() {
            alice.get("/api/auth/me").ok();
            alice.say(&people[requests % 50].0, "meanwhile");
            requests += 1;
        }
        (storm.join().unwrap(), requests)
    });
    assert!(requests > 0 && sockets.len() == 500);
    assert!(sockets.iter().all(|(_, changed)| *changed == 1), "a socket has missed a message");
    drop(sockets);
    eventually("sockets are left", || world.counter("hongyan_sockets") == 0);
}

#[test]
fn two_thousand_that_connect_and_close_leave_no_socket() {
    let world = observed();
    let alice = world.person("alice_01");
    scope(|scope| {
        for client in 1..=8 {
            let alice = &alice;
            scope.spawn(move || {
                for round in 0..250 {
                    let stream = connect_from(client, alice.address);
                    // Full is an answer, too.
                    let opened = Socket::over(stream, alice.address, PATH, "");
                    if let Ok(mut socket) = opened
                        && round % 3 == 0
                    {
                        socket.send(&json!({"type": "authenticate", "token": alice.token}));
                    }
                }
            });
        }
    });
    eventually("sockets are left", || world.counter("hongyan_sockets") == 0);
    Socket::live(&alice, None);
    let ended: u64 = [1000, 1013, 4408, 4409]
        .map(|code| world.counter(&format!("hongyan_socket_closes_total{{code=\"{code}\"}}")))
        .iter()
        .sum();
    assert!(ended > 100, "{ended} ended");
}

#[test]
fn a_reader_that_does_not_read_is_closed_and_misses_nothing() {
    let world = observed();
    let (alice, bob) = world.friends();
    let cursor = bob.get("/api/auth/sync").ok().data()["cursor"].as_str().unwrap().to_owned();
    let (stuck, _) = live(&bob, 1, &cursor);
    let mut reading = Socket::live(&bob, None);
    let text = "🪿".repeat(5000);
    let slow = || world.counter("hongyan_socket_closes_total{code=\"4410\"}");
    // The kernels of both sides buffer some megabytes before a write waits.
    let mut sent = 0;
    while sent < 5000 && slow() == 0 {
        alice.say(&bob, &text);
        sent += 1;
        reading.until("message");
    }
    eventually("the socket is not closed", || slow() == 1);
    assert_eq!(world.counter("hongyan_sockets"), 1, "the one that reads stays");
    drop(stuck);
    let mut again = Socket::greeted(bob.address);
    again.authenticate(&bob, Some(&cursor));
    assert_eq!(again.until("sync")["data"]["conversations"][0]["last_seq"], sent);
}
