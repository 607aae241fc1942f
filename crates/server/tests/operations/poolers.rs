//! `PgBouncer` between the server and its database: sessions are pooled, transactions are not.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::replicas::Replica;
use crate::support::{Folder, eventually};

/// A running `PgBouncer`, from Debian's package pgbouncer.
struct PgBouncer {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl PgBouncer {
    fn start(database: &Replica, mode: &str, servers: u16) -> Self {
        let program = Path::new("/usr/sbin/pgbouncer");
        assert!(program.exists(), "install the package pgbouncer");
        let (folder, (socket, owner)) =
            (Folder::new(&format!("pgbouncer-{mode}-{servers}")), database.socket_and_owner());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "[databases]\nchat = host={} port=5432 dbname=chat user=hongyan\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {servers}\n",
            socket.display()
        );
        let file = folder.0.join("pgbouncer.ini");
        fs::write(&file, settings).unwrap();
        for path in [&file, &folder.0] {
            chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let mut command = Command::new(program);
        command.arg(&file).current_dir("/").uid(owner.uid()).gid(owner.gid());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bouncer = Self { child, port, _folder: folder };
        eventually("PgBouncer does not listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        bouncer
    }

    fn url(&self) -> String {
        format!("postgresql://hongyan@127.0.0.1:{}/chat", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_pooler_of_transactions_is_refused_with_the_remedy() {
    let database = Replica::primary("pooled");
    assert_eq!(database.call(&database.url(), &["migrate"]).0, 0);
    for (mode, servers) in [("transaction", 1), ("transaction", 20), ("statement", 1)] {
        let bouncer = PgBouncer::start(&database, mode, servers);
        for arguments in [&["serve"][..], &["migrate"], &["migrate", "--check"], &["doctor"]] {
            let (code, text) = database.call(&bouncer.url(), arguments);
            assert_eq!(code, 1, "{mode}, {servers}, {arguments:?}: {text}");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains("pool_mode = session"), "{mode}, {servers}, {arguments:?}: {text}");
        }
    }
}

#[test]
fn a_pooler_of_sessions_serves_messages() {
    let database = Replica::primary("sessions");
    let bouncer = PgBouncer::start(&database, "session", 40);
    let server = database.serve(&bouncer.url());
    let (alice, bob) = (server.person("alice_01"), server.person("bob_0001"));
    server.befriend(&alice, &bob);
    for text in ["one", "two", "three"] {
        let body = json!({"receiver_id": bob.id, "content": text});
        assert_eq!(server.post("/api/auth/messages", &alice.token, &body)["code"], 200);
    }
    let list = server.get("/api/auth/conversations", &bob.token);
    assert_eq!(list["data"][0]["last_message"]["content"], "three", "{list}");
    let (code, text) = database.call(&bouncer.url(), &["doctor"]);
    assert_eq!(code, 0, "{text}");
    assert!(server.stop().success());
}
