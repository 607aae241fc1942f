//! Sockets on two instances with one database: what a device has in the end, when PostgreSQL and instances are killed meanwhile.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::socket::{Received, Socket, SocketUser};
use crate::support::{Folder, Person, Server, eventually};

struct User<'a> {
    person: &'a Person,
    address: SocketAddr,
}

impl SocketUser for User<'_> {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn id(&self) -> &str {
        &self.person.id
    }

    fn token(&self) -> &str {
        &self.person.token
    }
}

/// A device that follows the rules of a client for one conversation.
struct Device<'a> {
    person: &'a Person,
    /// Whatever instance serves; the device looks for it again after each cut.
    server: &'a Server,
    cursor: Option<String>,
    texts: Vec<String>,
    socket: Option<Socket>,
}

impl Device<'_> {
    /// Takes what is missing of the history.
    fn pull(&mut self) {
        let list = self.server.get("/api/auth/conversations", &self.person.token);
        let id = list["data"][0]["conversation_id"].as_str().unwrap().to_owned();
        let after = self.texts.len();
        let path = format!("/api/auth/conversations/{id}?limit=200&after={after}");
        let window = self.server.get(&path, &self.person.token);
        let messages = window["data"]["messages"].as_array().unwrap();
        self.texts.extend(messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()));
    }

    fn apply(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap() {
            "sync" => {
                self.pull();
                if frame["more"] == false {
                    self.cursor = frame["data"]["cursor"].as_str().map(str::to_owned);
                }
            }
            "message" => {
                let (seq, known) = (frame["message"]["seq"].as_u64().unwrap(), self.texts.len() as u64);
                if seq == known + 1 {
                    self.texts.push(frame["message"]["content"].as_str().unwrap().to_owned());
                } else if seq > known {
                    self.pull();
                }
            }
            "changed" | "conversation" => self.pull(),
            "tick" => self.cursor = frame["cursor"].as_str().map(str::to_owned),
            _ => {}
        }
    }

    fn connect(&mut self) {
        let user = User { person: self.person, address: self.server.address().parse().unwrap() };
        let mut opened = None;
        eventually("no socket is opened", || {
            let ready = self.server.get("/readyz", "")["code"] == 200;
            opened = ready.then(|| Socket::open(user.address, "/api/auth/socket", "").ok()).flatten();
            opened.is_some()
        });
        let mut socket = opened.unwrap();
        socket.send(&json!({"type": "authenticate", "token": user.token(), "cursor": self.cursor}));
        self.socket = Some(socket);
    }

    /// Receives until this text has come. After a cut it comes back with its cursor.
    fn receive_until(&mut self, text: &str) {
        while self.texts.last().is_none_or(|last| last != text) {
            match self.socket.as_mut().map(Socket::next) {
                Some(Received::Text(frame)) => self.apply(&frame),
                Some(Received::Ping) => self.socket.as_mut().unwrap().send_raw(0x8a, b""),
                Some(Received::Pong) => {}
                None | Some(Received::Close(_) | Received::End) => self.connect(),
            }
        }
    }
}

/// Sends a message as a client does: again under its key until it is accepted.
fn send(server: &Server, from: &Person, to: &Person, text: &str) {
    let body = json!({"receiver_id": to.id, "content": text, "client_message_id": text});
    eventually("the message is never accepted", || {
        server.post("/api/auth/messages", &from.token, &body)["code"] == 200
    });
}

fn second_instance(folder: &Folder, own: &Folder) -> Server {
    let secret = fs::read_to_string(folder.path("data/jwt_secret")).unwrap();
    let mut command = own.hongyan(&["serve"]);
    command.env("DATABASE_URL", folder.database_url()).env("HONGYAN_JWT_SECRET", secret.trim());
    Server::run(command.env("HONGYAN_SOCKET_PING_SECONDS", "1"), own)
}

#[test]
fn nothing_is_missed_on_two_instances_when_one_or_postgres_is_killed() {
    let (folder, own) = (Folder::new("sockets-a"), Folder::new("sockets-b"));
    let first = Server::start(&folder);
    let (alice, bob) = (first.person("alice_01"), first.person("bob_0001"));
    first.befriend(&alice, &bob);
    let mut second = second_instance(&folder, &own);
    let mut texts = Vec::new();
    let mut say = |rounds: std::ops::Range<u32>| {
        for round in rounds {
            let text = format!("第 {round} 条 🪿");
            send(&first, &alice, &bob, &text);
            texts.push(text);
        }
        texts.last().unwrap().clone()
    };
    let mut device = Device { person: &bob, server: &second, cursor: None, texts: Vec::new(), socket: None };
    device.cursor = second.get("/api/auth/sync", &bob.token)["data"]["cursor"].as_str().map(str::to_owned);
    device.connect();
    device.receive_until(&say(0..5));
    folder.kill_postgres();
    device.receive_until(&say(5..10));
    let Device { cursor, texts: known, .. } = device;
    second.kill();
    let newest = say(10..15);
    second = second_instance(&folder, &own);
    let mut device = Device { person: &bob, server: &second, cursor, texts: known, socket: None };
    device.receive_until(&newest);
    let newest = say(15..17);
    device.receive_until(&newest);
    let received = device.texts;
    assert!(second.stop().success());
    assert!(first.stop().success());
    assert_eq!(received, texts);
}
