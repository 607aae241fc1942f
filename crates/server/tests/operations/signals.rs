//! Signals between two instances by a real NATS server, from Debian's package nats-server, which is killed and restarted meanwhile.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

use serde_json::json;

use crate::socket::{Socket, SocketUser};
use crate::support::{Folder, Person, Server, eventually, get};

const PASSWORD: &str = "canary-password-of-nats";

/// A running NATS server.
struct Nats {
    child: Child,
    port: u16,
}

impl Nats {
    fn start(port: u16) -> Self {
        let program = Path::new("/usr/sbin/nats-server");
        assert!(program.exists(), "install the package nats-server");
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "--user", "hongyan", "--pass", PASSWORD]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port };
        eventually("NATS does not listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    fn url(&self) -> String {
        format!("nats://hongyan:{PASSWORD}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person at a server.
pub(crate) struct At<'a>(pub(crate) &'a Server, pub(crate) &'a Person);

impl SocketUser for At<'_> {
    fn address(&self) -> SocketAddr {
        self.0.address().parse().unwrap()
    }

    fn id(&self) -> &str {
        &self.1.id
    }

    fn token(&self) -> &str {
        &self.1.token
    }
}

fn metric(server: &Server, name: &str) -> u64 {
    let text = get(&format!("{}/metrics", server.admin), &[]).2;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap()
}

fn is_connected(server: &Server) -> bool {
    metric(server, "hongyan_signals_connected{transport=\"nats\"}") == 1
}

/// Reports typing on one instance until a socket of another shows it.
fn type_until_seen(server: &Server, writer: &Person, reader: &mut Socket) {
    let list = server.get("/api/auth/conversations", &writer.token);
    let id = list["data"][0]["conversation_id"].as_str().unwrap();
    let path = format!("/api/auth/conversations/{id}/typing");
    std::thread::scope(|scope| {
        let (seen, waits) = mpsc::channel::<()>();
        scope.spawn(move || {
            while waits.try_recv() == Err(TryRecvError::Empty) {
                assert_eq!(server.post(&path, &writer.token, &json!({}))["code"], 200);
                std::thread::sleep(Duration::from_millis(3100));
            }
        });
        reader.until("typing");
        seen.send(()).unwrap();
    });
}

#[test]
fn by_nats_typing_and_changes_cross_and_without_it_nothing_is_missed() {
    let folder = Folder::with_database("nats");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nats = Nats::start(port);
    let instance = || {
        let mut command = folder.hongyan(&["serve", "--admin-bind", "127.0.0.1:0"]);
        command.env("HONGYAN_SIGNALS", "nats").env("HONGYAN_NATS_URL", nats.url());
        Server::run(command.env("HONGYAN_LOG", "trace"), &folder)
    };
    let (first, second) = (instance(), instance());
    let (alice, bob) = (first.person("alice_01"), first.person("bob_0001"));
    first.befriend(&alice, &bob);
    let mut bobs = Socket::live(&At(&second, &bob), None);
    let say = |text: &str| {
        let body = json!({"receiver_id": bob.id, "content": text});
        assert_eq!(first.post("/api/auth/messages", &alice.token, &body)["code"], 200);
    };
    eventually("NATS is not reached", || is_connected(&first) && is_connected(&second));
    type_until_seen(&first, &alice, &mut bobs);
    eventually("no message is shown by a signal", || {
        say("by a signal");
        bobs.until("message");
        metric(&second, "hongyan_messages_shown_total{source=\"signal\"}") > 0
    });
    drop(nats);
    eventually("the loss goes unnoticed", || !is_connected(&first) && !is_connected(&second));
    for text in ["one", "two", "three"] {
        say(text);
        assert_eq!(bobs.until("message")["message"]["content"], text);
    }
    let _again = Nats::start(port);
    eventually("NATS is not reached again", || is_connected(&first) && is_connected(&second));
    type_until_seen(&first, &alice, &mut bobs);
    assert!(first.stop().success() && second.stop().success());
    let log = fs::read_to_string(folder.path("log")).unwrap();
    assert_eq!(log.matches("cannot exchange signals").count(), 2, "once for each instance");
    assert!(!log.contains(PASSWORD), "the password is in the log");
}
