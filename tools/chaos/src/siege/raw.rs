//! Attacks below HTTP: connections that send or read as slowly as they can.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::latencies::Phase;
use super::shared::Siege;

/// Holds connections until the siege is over; returns how often something happened to them.
type Hold = fn(&Siege) -> BTreeMap<String, usize>;

/// The attacks by connections: name, threads, what each does.
pub(super) const ATTACKS: [(&str, usize, Hold); 3] = [
    ("heads sent byte by byte", 2, half_heads),
    ("pages that are asked for and not read", 2, |siege| {
        unread(siege, &format!("/api/auth/conversations/{}?limit=200", siege.enemy.conversation))
    }),
    ("exports that are read slowly", 1, |siege| unread(siege, "/api/auth/me/export")),
];

/// Connections of one thread.
const CONNECTIONS: usize = 24;
const PAUSE: Duration = Duration::from_millis(500);

fn connect(siege: &Siege) -> Option<TcpStream> {
    let address = siege.enemy.caller.base.trim_start_matches("http://");
    let stream = TcpStream::connect(address).ok()?;
    stream.set_write_timeout(Some(PAUSE)).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(1))).ok()?;
    Some(stream)
}

/// Keeps `CONNECTIONS` connections open: `begin` starts each, `go_on` continues it and says whether it is still open.
fn keep_open(
    siege: &Siege,
    begin: impl Fn(&mut TcpStream) -> bool,
    go_on: impl Fn(&mut TcpStream) -> bool,
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::<String, usize>::new();
    let mut open: Vec<TcpStream> = Vec::new();
    while siege.phase() == Phase::Hostile {
        open.retain_mut(|stream| {
            let is_open = go_on(stream);
            *counts.entry("closed by the server".to_owned()).or_default() += usize::from(!is_open);
            is_open
        });
        while open.len() < CONNECTIONS {
            let Some(mut stream) = connect(siege) else { break };
            if !begin(&mut stream) {
                break;
            }
            *counts.entry("opened".to_owned()).or_default() += 1;
            open.push(stream);
        }
        std::thread::sleep(PAUSE);
    }
    counts
}

/// Whether the connection is open; takes a byte if there is one.
fn is_open(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

fn half_heads(siege: &Siege) -> BTreeMap<String, usize> {
    let begin =
        |stream: &mut TcpStream| stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").is_ok();
    keep_open(siege, begin, |stream| stream.write_all(b"a").is_ok() && is_open(stream))
}

fn unread(siege: &Siege, path: &str) -> BTreeMap<String, usize> {
    let caller = &siege.enemy.caller;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        caller.address, caller.token
    );
    keep_open(siege, |stream| stream.write_all(request.as_bytes()).is_ok(), is_open)
}
